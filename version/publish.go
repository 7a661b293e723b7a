package version

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed publish.lua
var publishSource string

var publishScript = redis.NewScript(publishSource)

// PublishScript is the Lua script by which every publisher should publish: it stores a version if it is
// newer, and announces it, atomically. Its arguments stand at its head.
func PublishScript() string { return publishSource }

// Publish implements [Source], with [PublishScript]. It works whether or not Run is running.
func (r *Redis) Publish(ctx context.Context, news []News) (Receipt, error) {
	replies, err := r.send(ctx, news)
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		// The server was restarted, or sees the script for the first time.
		if err = publishScript.Load(ctx, r.pub).Err(); err == nil {
			replies, err = r.send(ctx, news)
		}
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("publish to Redis at %s: %w: %v", r.opt.Addrs[0], ErrUnavailable, err)
	}
	var receipt Receipt
	for _, reply := range replies {
		if stored, _ := reply.(*redis.Cmd).Int(); stored == 1 {
			receipt.Accepted++
		} else {
			receipt.Stale++
		}
	}
	return receipt, nil
}

// send pipelines one call for each of news. Its error is the first of any.
func (r *Redis) send(ctx context.Context, news []News) ([]redis.Cmder, error) {
	return r.pub.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, n := range news {
			reset := "0"
			if n.Reset {
				reset = "1"
			}
			publishScript.EvalSha(ctx, pipe, []string{r.name(n.Project)}, int64(n.Version), n.Message(), reset)
		}
		return nil
	})
}
