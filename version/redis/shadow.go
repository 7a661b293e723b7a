package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nudge/version"
)

// mostShadows is how many gateways' texts are read at most. There are more if something else writes into the hash.
const mostShadows = 4000

// ExchangeShadow stores what this gateway says of pages in shadow, unless text is empty, and returns what the others say. A text
// is kept for this long after it was stored; the texts of gateways that are gone are then deleted by the others. It needs no
// more rights than the rest of the source.
func (r *Source) ExchangeShadow(ctx context.Context, text string, keep time.Duration) (others []string, err error) {
	name := r.names.shadow()
	err = r.attempt(ctx, func(t topology) error {
		client, err := r.publishing.serving(t, name)
		if err != nil {
			return err
		}
		if text != "" {
			if err := client.HSet(ctx, name, r.opt.Instance, fmt.Sprint(time.Now().Unix(), " ", text)).Err(); err != nil {
				return err
			}
		}
		n, err := client.HLen(ctx, name).Result()
		if err != nil {
			return err
		}
		if n > mostShadows {
			return fmt.Errorf("%w: %s holds %d fields, which no gateway put there; DEL it", version.ErrUnavailable, name, n)
		}
		all, err := client.HGetAll(ctx, name).Result()
		if err != nil {
			return err
		}
		var old []string
		others = nil
		for instance, text := range all {
			at, said, _ := strings.Cut(text, " ")
			switch seconds, _ := strconv.ParseInt(at, 10, 64); { // what is no time is old
			case time.Since(time.Unix(seconds, 0)) > keep:
				old = append(old, instance)
			case instance != r.opt.Instance:
				others = append(others, said)
			}
		}
		if len(old) == 0 {
			return nil
		}
		return client.HDel(ctx, name, old...).Err()
	})
	if err != nil && !errors.Is(err, version.ErrUnavailable) {
		err = r.unavailable("use "+name+" in", err)
	}
	return others, err
}
