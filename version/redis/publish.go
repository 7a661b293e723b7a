package redis

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/publish"
)

// publishScript is for probes, which are published like news.
var publishScript = redis.NewScript(publish.Script())

// publishTries bounds how often what a server asked to send elsewhere, or again, is sent.
const publishTries = 3

// Publish implements [version.Source], with [publish.Script]. It works whether or not Run is running.
func (r *Source) Publish(ctx context.Context, news []version.News) (version.Receipt, error) {
	var receipt version.Receipt
	var err error
	for range publishTries {
		if news, err = r.publishOnce(ctx, news, &receipt); err == nil {
			return receipt, nil
		}
		if news == nil {
			break
		}
	}
	return version.Receipt{}, r.unavailable("publish to", err)
}

// publishers is where a publisher goes: the masters that were found last, or are now.
func (r *Source) publishers(ctx context.Context) (roster, error) {
	if ro := r.pub.masters(); len(ro.masters) > 0 {
		return ro, nil
	}
	ro, err := r.find(ctx)
	if err == nil {
		r.pub.turnTo(ro)
	}
	return ro, err
}

// publishOnce sends all news to the masters concerned. What certainly had no effect and is worth another try is returned,
// with the reason.
func (r *Source) publishOnce(ctx context.Context, news []version.News, receipt *version.Receipt) (again []version.News, why error) {
	ro, err := r.publishers(ctx)
	if err != nil {
		return nil, err
	}
	sent, moved := 0, false
	for m, places := range ro.share(len(news), func(place int) version.Project { return news[place].Project }) {
		sent += len(places)
		part := make([]version.News, len(places))
		for i, place := range places {
			part[i] = news[place]
		}
		replies, err := publish.Pipeline(ctx, r.pub.to(ro.masters[m].addr), r.opt.Prefix, part)
		answered := slices.ContainsFunc(replies, func(c redis.Cmder) bool { return c.Err() != nil })
		if err != nil && (!isReply(err) || !answered) { // the connection's, though it be an answer to its AUTH
			r.pub.leave() // the master may be another by now
			return nil, err
		}
		for i, reply := range replies {
			stored, err := reply.(*redis.Cmd).Int()
			fault, _ := diagnose(err)
			switch {
			case err == nil && stored == 1:
				receipt.Accepted++
				continue
			case err == nil:
				receipt.Stale++
				continue
			case isRedirect(err), fault == version.FaultReadOnly:
				moved = true
			default:
				return nil, err
			}
			again, why = append(again, part[i]), err
		}
	}
	if sent < len(news) {
		return nil, errors.New("a part of the Cluster has no master; see CLUSTER INFO")
	}
	if moved {
		r.pub.leave()
	}
	return again, why
}
