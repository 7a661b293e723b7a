package version

import (
	"cmp"
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Pipeliner is what [PublishTo] needs of a client of go-redis. Every kind has it: of one server, of a master that
// Sentinels name, of a Cluster, of a ring.
type Pipeliner interface {
	Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// PublishTo runs [PublishScript] for each of news by way of client, all in one pipeline, and counts the replies. The
// news must be valid; those of one project are taken in order. An empty prefix is nudge. The error wraps
// [ErrUnavailable] and the first cause; what was answered is counted all the same.
func PublishTo(ctx context.Context, client Pipeliner, prefix string, news []News) (Receipt, error) {
	replies, err := publishBy(ctx, client, cmp.Or(prefix, "nudge"), news)
	var receipt Receipt
	for _, reply := range replies {
		stored, fault := reply.(*redis.Cmd).Int()
		switch {
		case fault != nil && err == nil:
			err = fault
		case fault != nil:
		case stored == 1:
			receipt.Accepted++
		default:
			receipt.Stale++
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return receipt, err
}

// publishBy runs the script for each of news, and returns their replies in the same order. The error is that of the
// connection, or of one of the replies.
func publishBy(ctx context.Context, client Pipeliner, prefix string, news []News) ([]redis.Cmder, error) {
	replies, err := pipeline(ctx, client, redis.Pipeliner.EvalSha, publishScript.Hash(), prefix, news)
	at, again := unscripted(news, replies)
	if len(again) == 0 {
		return replies, err
	}
	// A server was restarted, or sees the script for the first time. EVAL finds the right server by its key, leaves the
	// script there, and needs no right to load scripts.
	more, err := pipeline(ctx, client, redis.Pipeliner.Eval, publishSource, prefix, again)
	for i, reply := range more {
		replies[at[i]] = reply
	}
	return replies, err
}

// pipeline runs a script for each of news by call, which is EVAL or EVALSHA.
func pipeline(
	ctx context.Context, client Pipeliner,
	call func(redis.Pipeliner, context.Context, string, []string, ...any) *redis.Cmd,
	script, prefix string, news []News,
) ([]redis.Cmder, error) {
	return client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, n := range news {
			reset := "0"
			if n.Reset {
				reset = "1"
			}
			call(pipe, ctx, script, []string{name(prefix, n.Project)}, int64(n.Version), n.Message(), reset)
		}
		return nil
	})
}

// unscripted are those of news, and their places, whose server did not know the script, and what came after them for
// the same project: somebody else may have brought the script in between, and a reset must not come after its followers.
func unscripted(news []News, replies []redis.Cmder) (at []int, again []News) {
	unknown := map[Project]bool{}
	for i, reply := range replies {
		p := news[i].Project
		if redis.HasErrorPrefix(reply.Err(), "NOSCRIPT") {
			unknown[p] = true
		}
		if unknown[p] {
			at, again = append(at, i), append(again, news[i])
		}
	}
	return at, again
}

// name is the channel and the key of p. The braces make both live in one slot of a Redis Cluster.
func name(prefix string, p Project) string { return prefix + ":{" + p.id + "}" }
