package redis

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// promotion is what a Sentinel says: this is the master, since the failover of this number.
type promotion struct {
	addr  string
	epoch int64
}

// askSentinels finds the master that the Sentinels name. More than half of those configured must answer, and the
// latest failover counts: each one is known to a majority, so that one of the answers knows it. Fewer may be
// on the wrong side of a split, with a master that nobody publishes to any more.
func (r *Source) askSentinels(ctx context.Context) (roster, error) {
	said, err := askAll(ctx, r.opt.Addrs, len(r.opt.Addrs)/2+1, r.askSentinel)
	if err != nil {
		return roster{}, fmt.Errorf("ask most of the Sentinels at %v for the master %q: %w", r.opt.Addrs, r.opt.Master, err)
	}
	newest := slices.MaxFunc(said, func(a, b promotion) int { return cmp.Compare(a.epoch, b.epoch) })
	return roster{masters: []master{{addr: newest.addr}}}, nil
}

func (r *Source) askSentinel(ctx context.Context, addr string) (promotion, error) {
	o := r.briefOptions(addr)
	o.DB, o.Username, o.Password = 0, r.opt.SentinelUsername, r.opt.SentinelPassword
	return brief(ctx, redis.NewClient(o), func(ctx context.Context, c *redis.Client) (promotion, error) {
		var at, about *redis.Cmd
		_, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			// The second names the old master for a while after the new one has the new epoch; the first does not.
			at = pipe.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", r.opt.Master)
			about = pipe.Do(ctx, "SENTINEL", "MASTER", r.opt.Master)
			return nil
		})
		if about.Err() != nil { // it says more of an unknown name
			err = about.Err()
		}
		if err != nil {
			return promotion{}, err
		}
		host, _ := at.StringSlice()
		said, _ := about.StringSlice()
		i := slices.Index(said, "config-epoch")
		if len(host) != 2 || i < 0 || i+1 == len(said) {
			return promotion{}, fmt.Errorf("%s does not answer as a Sentinel", addr)
		}
		epoch, err := strconv.ParseInt(said[i+1], 10, 64)
		return promotion{net.JoinHostPort(host[0], host[1]), epoch}, err
	})
}
