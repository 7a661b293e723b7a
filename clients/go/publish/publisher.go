package publish

import (
	"cmp"
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	script "nudge/version/publish"
)

// Options are the options of [To]. The zero value is right if the gateways have the default prefix.
type Options struct {
	Prefix string // redis.prefix of the gateways; "": nudge
}

// Client is the part of a go-redis client that publishing needs. Every kind of client has it: for one server, for a master that
// Sentinels name, for a Cluster, for a ring.
type Client interface {
	Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// Publisher publishes with publish.lua, which stores a version if it is newer and announces it, in one atomic step. It holds only
// the client, starts no goroutine, and may be used by many goroutines at once.
type Publisher struct {
	client Client
	opt    Options
}

// To returns a publisher that uses client: the *redis.Client, *redis.ClusterClient or *redis.Ring of go-redis that the
// application has, or any redis.UniversalClient. It does not connect. The application closes the client, and sets its time-outs
// and retries, which limit how long a publish takes.
func To(client Client, opt Options) *Publisher {
	return &Publisher{client: client, opt: opt}
}

// Advance publishes that project is now at version v. A version that is not newer than the stored one changes nothing and is
// no error: a newer one was already published. Errors are those of [Publisher.Publish].
func (p *Publisher) Advance(ctx context.Context, project string, v int64) error {
	id, err := version.ParseProject(project)
	if err != nil {
		return fmt.Errorf("publish: project: %w", err)
	}
	_, err = p.Publish(ctx, version.News{Project: id, Version: version.Version(v)})
	return err
}

// Publish publishes any number of advances in one round trip. Advances of one project keep their order. In a Cluster there is
// one round trip for each server concerned, all at the same time. A few thousand advances at once are fine.
//
// If news breaks a rule of [version.News], the error names the field, and nothing was published. Any other error wraps
// [version.ErrUnavailable] and its cause: Redis did not store everything. The receipt counts the advances that were stored for
// certain. To publish the same again is safe: advances that were stored are stale then.
func (p *Publisher) Publish(ctx context.Context, news ...version.News) (version.Receipt, error) {
	checked := make([]version.News, len(news))
	for i, n := range news {
		var err error
		if checked[i], err = n.Check(); err != nil {
			return version.Receipt{}, fmt.Errorf("publish: news %d: %w", i, err)
		}
	}
	receipt, _, err := script.Pipeline(ctx, p.client, cmp.Or(p.opt.Prefix, "nudge"), checked)
	if err != nil {
		return receipt, fmt.Errorf("publish to Redis: %w: %w", version.ErrUnavailable, err)
	}
	return receipt, nil
}
