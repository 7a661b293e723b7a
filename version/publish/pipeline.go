// Package publish is how news is published: the script that all publishers run, and what runs it. Applications in Go use
// clients/go/publish.
package publish

import (
	"cmp"
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

//go:embed publish.lua
var source string

var script = redis.NewScript(source)

// Script is the Lua script that every publisher should use. It stores a version if it is newer, and announces it, atomically.
// Its first lines describe its arguments.
func Script() string { return source }

// timed is which versions carry the time, by which gateways measure how long news takes: one in so many.
const timed = 10

// Name is the channel and the key of a project. The braces make both live in one slot of a Redis Cluster.
func Name(prefix string, p version.Project) string { return prefix + ":{" + p.String() + "}" }

// Client is the part of a go-redis client that [Pipeline] needs. Every kind of client has it.
type Client interface {
	Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// Pipeline runs [Script] for each item of news with client. The receipt counts what was stored and what is stale; refused is the
// rest, in the same order. The error is that of the connection, or of one of the replies.
func Pipeline(ctx context.Context, client Client, prefix string, news []version.News) (receipt version.Receipt, refused []version.News, err error) {
	replies, err := pipeline(ctx, client, redis.Pipeliner.EvalSha, script.Hash(), prefix, news)
	if at, again := unscripted(news, replies); len(again) > 0 {
		// A server was restarted, or gets the script for the first time. EVAL finds the right server by its key, stores the
		// script there, and needs no right to load scripts.
		var more []redis.Cmder
		more, err = pipeline(ctx, client, redis.Pipeliner.Eval, source, prefix, again)
		for i, reply := range more {
			replies[at[i]] = reply
		}
	}
	for i, reply := range replies {
		switch stored, fault := reply.(*redis.Cmd).Int(); {
		case fault != nil:
			refused, err = append(refused, news[i]), cmp.Or(err, fault)
		case stored == 1:
			receipt.Accepted++
		default:
			receipt.Stale++
		}
	}
	return receipt, refused, err
}

// pipeline runs a script for each item of news by call, which is EVAL or EVALSHA.
func pipeline(
	ctx context.Context, client Client,
	call func(redis.Pipeliner, context.Context, string, []string, ...any) *redis.Cmd,
	code, prefix string, news []version.News,
) ([]redis.Cmder, error) {
	return client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, n := range news {
			reset := "0"
			if n.Reset {
				reset = "1"
			}
			if n.Sent.IsZero() && n.Version%timed == 0 {
				n.Sent = time.Now()
			}
			call(pipe, ctx, code, []string{Name(prefix, n.Project)}, int64(n.Version), n.Message(), reset)
		}
		return nil
	})
}

// unscripted returns the items, with their places, whose server did not know the script. It also returns the items after them
// of the same project: another client may have loaded the script in between, and a reset must not come after later versions.
func unscripted(news []version.News, replies []redis.Cmder) (at []int, again []version.News) {
	unknown := map[version.Project]bool{}
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
