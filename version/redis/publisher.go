package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/publish"
)

const (
	// publishTries is how often the same is sent, if servers reply that it belongs to another one.
	publishTries = 3
	// publisherLife is the age of a publisher's connection. An address may lead to another server by then.
	publisherLife = 5 * time.Second
)

// publisher publishes news, and sets what the fleet is told, with or without a session. Its connections may outlive
// gaps, since the caller learns of every failure.
type publisher struct {
	opt    *Options
	names  names
	finder *finder
	pool   clientPool
}

// unavailable says what could not be done with Redis, why, and what to do about it.
func (p *publisher) unavailable(what string, err error) error {
	_, fix := diagnose(err)
	return fmt.Errorf("%s Redis at %s: %w: %v; %s", what, strings.Join(p.opt.Addrs, ", "), version.ErrUnavailable, err, fix)
}

// masters returns the masters that were found last, or finds them.
func (p *publisher) masters(ctx context.Context) (topology, error) {
	if t := p.pool.masters(); len(t.masters) > 0 {
		return t, nil
	}
	t, err := p.finder.find(ctx)
	if err == nil {
		p.pool.use(t)
	}
	return t, err
}

// publish sends news. What had no effect where it was sent is sent again.
func (p *publisher) publish(ctx context.Context, news []version.News) (receipt version.Receipt, err error) {
	for range publishTries {
		if news, err = p.publishOnce(ctx, news, &receipt); err == nil {
			return receipt, nil
		}
		if news == nil {
			break
		}
	}
	return version.Receipt{}, p.unavailable("publish to", err)
}

// publishOnce sends news to the masters of its projects. It returns what belongs to other masters, with the reason.
func (p *publisher) publishOnce(ctx context.Context, news []version.News, receipt *version.Receipt) (again []version.News, why error) {
	t, err := p.masters(ctx)
	if err != nil {
		return nil, err
	}
	sent := 0
	for m, places := range t.share(len(news), func(place int) version.Project { return news[place].Project }) {
		sent += len(places)
		part := make([]version.News, len(places))
		for i, place := range places {
			part[i] = news[place]
		}
		replies, err := publish.Pipeline(ctx, p.pool.of(t.masters[m].addr), p.names.prefix, part)
		answered := slices.ContainsFunc(replies, func(c redis.Cmder) bool { return c.Err() != nil })
		if err != nil && (!isReply(err) || !answered) { // of the connection, or the reply to its AUTH
			p.pool.reset() // there may be another master
			return nil, err
		}
		for i, reply := range replies {
			stored, err := reply.(*redis.Cmd).Int()
			switch {
			case err == nil && stored == 1:
				receipt.Accepted++
			case err == nil:
				receipt.Stale++
			case isElsewhere(err):
				again, why = append(again, part[i]), err
			default:
				return nil, err
			}
		}
	}
	if sent < len(news) {
		return nil, errNoMaster
	}
	if again != nil {
		p.pool.reset()
	}
	return again, why
}

// isElsewhere reports whether a reply means that the command had no effect and belongs to another server.
func isElsewhere(err error) bool {
	fault, _ := diagnose(err)
	return isRedirect(err) || fault == version.FaultReadOnly
}

// control runs the script of the control hash.
func (p *publisher) control(ctx context.Context, args ...any) (cmd *redis.Cmd) {
	for range publishTries {
		t, err := p.masters(ctx)
		if err != nil {
			return redis.NewCmdResult(nil, err)
		}
		client, err := p.pool.serving(t, p.names.control())
		if err != nil {
			return redis.NewCmdResult(nil, err)
		}
		cmd = controlScript.Run(ctx, client, []string{p.names.control()}, args...)
		if err := cmd.Err(); err == nil || err == redis.Nil {
			return cmd
		}
		p.pool.reset() // there may be another master
		if !isElsewhere(cmd.Err()) {
			return cmd
		}
	}
	return cmd
}
