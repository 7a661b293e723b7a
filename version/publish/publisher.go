package publish

import (
	"cmp"
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

// Options are the options of [To]. The zero value is right wherever the gateways have the default prefix.
type Options struct {
	Prefix string // redis.prefix of the gateways; "": nudge
}

// Publisher publishes by the script of [Script]: it stores a version if it is newer and announces it,
// in one atomic step. It holds nothing but the client, starts nothing, and may be used by many goroutines at once.
type Publisher struct {
	client Client
	opt    Options
}

// To returns a publisher by way of client: the *redis.Client, *redis.ClusterClient or *redis.Ring of go-redis that the
// application has, or any redis.UniversalClient. It does not connect. Closing the client is left to the application,
// and so are its time-outs and retries: they bound how long a publish takes.
func To(client Client, opt Options) *Publisher {
	return &Publisher{client: client, opt: opt}
}

// Advance tells that project is now at version v. A version that is not newer than the stored one changes nothing, and
// is no error: somebody else has told of a newer one. Errors are those of [Publisher.Publish].
func (p *Publisher) Advance(ctx context.Context, project string, v int64) error {
	id, err := version.ParseProject(project)
	if err != nil {
		return fmt.Errorf("publish: project: %w", err)
	}
	_, err = p.Publish(ctx, version.News{Project: id, Version: version.Version(v)})
	return err
}

// Publish tells of any number of advances in one round trip, in order where they are of one project; in a Cluster it
// takes one for each server concerned, at the same time. A few thousand at once are fine.
//
// News that breaks a rule of [version.News] is refused with an error that names the field, and then nothing was
// published. Any other error wraps [version.ErrUnavailable] and its cause: Redis did not take all of it. The receipt
// counts what it took for certain, and publishing the same again is safe: what was taken is stale then.
func (p *Publisher) Publish(ctx context.Context, news ...version.News) (version.Receipt, error) {
	checked := make([]version.News, len(news))
	for i, n := range news {
		var err error
		if checked[i], err = n.Check(); err != nil {
			return version.Receipt{}, fmt.Errorf("publish: news %d: %w", i, err)
		}
	}
	replies, err := Pipeline(ctx, p.client, cmp.Or(p.opt.Prefix, "nudge"), checked)
	var receipt version.Receipt
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
		return receipt, fmt.Errorf("publish to Redis: %w: %w", version.ErrUnavailable, err)
	}
	return receipt, nil
}
