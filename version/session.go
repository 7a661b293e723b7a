package version

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// channelsPerCommand bounds a SUBSCRIBE: Redis serves nobody else while it works through one.
const channelsPerCommand = 1000

// session is one subscribing connection, from dialling to its first fault, with what belongs to it.
type session struct {
	*Redis
	ps     *redis.PubSub
	keys   *redis.Client // dialled since the last gap: an older connection may lead to a demoted master
	probes probes
	begun  time.Time
	echoed atomic.Int64 // how long after begun the probe was sent that came back last; a clock that is set does not matter
}

// session runs one and returns its first fault, and whether it had got as far as being subscribed.
func (r *Redis) session(ctx context.Context) (established bool, err error) {
	subscriber := r.clientOptions()
	subscriber.Dialer = dialOnce(subscriber)
	subscriber.ReadBufferSize = subscriberBuffer
	client := redis.NewClient(subscriber)
	defer client.Close()
	s := &session{Redis: r, ps: client.Subscribe(ctx), keys: redis.NewClient(r.clientOptions())}
	defer s.keys.Close()
	if err = s.ps.Subscribe(ctx, r.probeName()); err == nil {
		_, err = s.ps.ReceiveTimeout(ctx, replyTimeout)
	}
	if err != nil {
		s.ps.Close()
		return false, err
	}
	r.subs.begin()
	s.begun = time.Now()

	group, ctx := errgroup.WithContext(ctx)
	for _, task := range []func(context.Context) error{s.receive, s.command, s.read, s.routine, s.probe, s.supervise} {
		group.Go(func() error { return task(ctx) })
	}
	group.Go(func() error { // a receiver is woken by nothing but the end of its connection
		<-ctx.Done()
		s.ps.Close()
		return nil
	})
	return true, group.Wait()
}

// receive takes what the server sends, in its order.
func (s *session) receive(ctx context.Context) error {
	for {
		got, err := s.ps.Receive(ctx)
		switch got := got.(type) {
		case *redis.Message:
			s.message(got)
		case *redis.Subscription:
			if p, err := s.project(got.Channel); err == nil && got.Kind == "subscribe" {
				s.subs.confirmed(p)
			}
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case isReply(err):
			if p, alone := s.subs.refusal(); alone {
				s.opt.Log.Error("redis refuses a subscription; browsers poll this project", "project", p.id, "error", err)
			}
		default:
			return fmt.Errorf("receive: %w", err)
		}
	}
}

func (s *session) message(m *redis.Message) {
	if m.Channel == s.probeName() {
		if sent, ok := s.probes.returned(m.Payload); ok {
			s.echoed.Store(int64(sent.Sub(s.begun)))
			s.opt.Host.echo(sent)
		}
		return
	}
	s.messages.Add(1)
	p, err := s.project(m.Channel)
	if err != nil {
		return // not asked for by us
	}
	n, err := Decode(p, []byte(m.Payload))
	if err != nil {
		s.malformed.Add(1)
		if now := time.Now().Unix(); now-s.complained.Load() >= 60 {
			s.complained.Store(now)
			s.opt.Log.Warn("message ignored; publish a bare integer or {\"version\":124}", "channel", m.Channel, "error", err)
		}
		return
	}
	s.board.Message(n)
}

// command sends what subscriptions asks for. That it was sent means nothing; the answer does.
func (s *session) command(ctx context.Context) error {
	for {
		drop, subscribe := s.subs.nextCommand(channelsPerCommand)
		var err error
		switch {
		case len(drop) > 0:
			err = s.ps.Unsubscribe(ctx, s.names(drop)...)
		case len(subscribe) > 0:
			err = s.ps.Subscribe(ctx, s.names(subscribe)...)
		default:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.subs.ask:
			}
		}
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
}

func (s *session) names(projects []Project) []string {
	names := make([]string, len(projects))
	for i, p := range projects {
		names[i] = s.name(p)
	}
	return names
}

var errNoEcho = errors.New("the probe does not come back")

// supervise gives the connection up, whatever the library believes of it, when no echo comes.
func (s *session) supervise(ctx context.Context) error {
	for {
		left := time.Until(s.begun.Add(time.Duration(s.echoed.Load()) + 2*s.opt.Probe + time.Second))
		if left <= 0 {
			return errNoEcho
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
}
