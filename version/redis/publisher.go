package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/publish"
)

const (
	// publishTries is how often a command is sent, if servers reply that another server serves its slot.
	publishTries = 3
	// publisherLife is the age of a publisher's connection. An address may lead to another server by then.
	publisherLife = 5 * time.Second
)

// unavailable returns an error that says what could not be done with Redis, why, and how to fix it.
func (r *Source) unavailable(what string, err error) error {
	_, fix := r.opt.diagnose(err)
	return fmt.Errorf("%s Redis at %s: %w: %v; %s", what, strings.Join(r.opt.Addrs, ", "), version.ErrUnavailable, err, fix)
}

// masters returns the masters that were found last. If there are none, it finds them.
func (r *Source) masters(ctx context.Context) (topology, error) {
	if t := r.publishing.masters(); len(t.masters) > 0 {
		return t, nil
	}
	t, err := r.finder.find(ctx)
	if err == nil {
		r.publishing.use(t)
	}
	return t, err
}

// attempt calls send with the masters, and again while servers reply that another server serves the slot. It returns any other
// error of send.
func (r *Source) attempt(ctx context.Context, send func(topology) error) (err error) {
	for range publishTries {
		var t topology
		if t, err = r.masters(ctx); err != nil {
			return err
		}
		if err = send(t); err == nil || errors.Is(err, redis.Nil) {
			return err
		}
		r.publishing.reset() // there may be another master
		if fault, _ := r.opt.diagnose(err); !isRedirect(err) && fault != version.FaultReadOnly {
			return err
		}
	}
	return err
}

// Publish implements [version.Source], with [publish.Script]. It works whether or not Run is running.
func (r *Source) Publish(ctx context.Context, news []version.News) (receipt version.Receipt, err error) {
	err = r.attempt(ctx, func(t topology) (err error) {
		news, err = r.send(ctx, t, news, &receipt)
		return err
	})
	if err != nil {
		return version.Receipt{}, r.unavailable("publish to", err)
	}
	return receipt, nil
}

// send sends news to the masters of its projects. It returns the news that was refused, with the last reason.
func (r *Source) send(ctx context.Context, t topology, news []version.News, receipt *version.Receipt) (again []version.News, why error) {
	sent := 0
	for m, places := range t.share(len(news), func(place int) version.Project { return news[place].Project }) {
		sent += len(places)
		part := make([]version.News, len(places))
		for i, place := range places {
			part[i] = news[place]
		}
		got, refused, err := publish.Pipeline(ctx, r.publishing.of(t.masters[m].addr), r.names.prefix, part)
		if err != nil && (!isReply(err) || len(refused) == 0) { // of the connection, or the reply to its AUTH
			return nil, err
		}
		receipt.Accepted, receipt.Stale = receipt.Accepted+got.Accepted, receipt.Stale+got.Stale
		again, why = append(again, refused...), cmp.Or(err, why)
	}
	if sent < len(news) {
		return nil, errNoMaster
	}
	return again, why
}

// runControl runs the script of the control hash. The error is [redis.Nil] if the script refuses.
func (r *Source) runControl(ctx context.Context, args ...any) (answer []string, err error) {
	err = r.attempt(ctx, func(t topology) error {
		client, err := r.publishing.serving(t, r.names.control())
		if err == nil {
			answer, err = controlScript.Run(ctx, client, []string{r.names.control()}, args...).StringSlice()
		}
		return err
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		err = r.unavailable("use "+r.names.control()+" in", err)
	}
	return answer, err
}
