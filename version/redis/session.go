package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"nudge/version"
)

// channelsPerCommand bounds a SUBSCRIBE: Redis serves nobody else while it works through one.
const channelsPerCommand = 1000

// session is one subscribing connection, from dialling to its first fault, with what belongs to it.
type session struct {
	*Source
	ps      *redis.PubSub
	keys    links // dialled since the last gap: an older connection may lead to a demoted master
	probes  probes
	told    chan struct{} // one slot: the fleet may have been told something
	begun   time.Time
	refused atomic.Pointer[error] // what the server answered to the last probe instead of taking it; nil: it did, or did not answer
	echoed  atomic.Int64          // how long after begun the probe was sent that came back last; a clock that is set does not matter

	idMu sync.Mutex
	ids  map[string]string // replication id of each master, by address, as it was when this session first met it; guarded by idMu
}

// reach is how far a session has come.
type reach uint8

const (
	dialled    reach = iota // at most
	subscribed              // and nothing is known to have come over it
	proven                  // by an echo
)

// session runs one and returns its first fault, and how far it had come.
func (r *Source) session(ctx context.Context) (reach, error) {
	ro, err := r.find(ctx)
	if err != nil {
		return dialled, err
	}
	r.pub.turnTo(ro)
	r.histories.turn()
	s := &session{Source: r, keys: links{source: r, roster: ro}, told: make(chan struct{}, 1), ids: map[string]string{}, probes: probes{last: &r.probed}}
	defer s.keys.close()
	client := redis.NewClient(s.subscriberOptions(r.choose(ro)))
	defer client.Close()
	s.ps = client.Subscribe(ctx)
	if err := s.begin(ctx); err != nil {
		s.ps.Close()
		return dialled, fmt.Errorf("subscribe at Redis %s: %w", r.left, err)
	}
	r.subs.begin()
	s.begun = time.Now()

	group, ctx := errgroup.WithContext(ctx)
	for _, task := range []func(context.Context) error{s.receive, s.command, s.read, s.routine, s.answerQuestions, s.control, s.probe, s.supervise} {
		group.Go(func() error { return task(ctx) })
	}
	group.Go(func() error { // a receiver is woken by nothing but the end of its connection
		<-ctx.Done()
		s.ps.Close()
		return nil
	})
	err = group.Wait()
	if s.echoed.Load() == 0 {
		return subscribed, err
	}
	return proven, err
}

// choose picks the master to subscribe at; another than last time, where there are several: that one may be cut off
// from the rest.
func (r *Source) choose(ro roster) (addr string) {
	for _, i := range rand.Perm(len(ro.masters)) {
		if addr = ro.masters[i].addr; addr != r.left {
			break
		}
	}
	r.left = addr
	return addr
}

func (s *session) subscriberOptions(addr string) *redis.Options {
	o := s.clientOptions(addr)
	o.Dialer = dialOnce(o)
	o.ReadBufferSize = subscriberBuffer
	// It must be known which server this one connection has reached: the next to the same address may reach another.
	o.OnConnect = func(ctx context.Context, c *redis.Conn) error {
		info, err := c.Info(ctx, "replication").Result()
		if err != nil && !isReply(err) {
			return err
		}
		if err != nil && !s.anonymous.Swap(true) {
			s.opt.Log.Warn("redis does not tell its replication id: after each gap every page polls once", "error", err,
				"mend", "give the user the rights that docs/redis.md lists")
		}
		return s.met(addr, info)
	}
	return o
}

// ours are the channels and patterns that are held beside those of projects.
const ours = 4

// begin subscribes to the probes, our own and everybody's, to what the fleet is told, and to the application's tick, and
// waits until that is confirmed.
func (s *session) begin(ctx context.Context) error {
	if err := s.ps.Subscribe(ctx, s.probeName(), s.controlName(), s.tickName()); err != nil {
		return err
	}
	if err := s.ps.PSubscribe(ctx, s.probePrefix()+"*"); err != nil {
		return err
	}
	for confirmed := 0; confirmed < ours; {
		got, err := s.ps.ReceiveTimeout(ctx, replyTimeout)
		if err != nil {
			return err
		}
		if _, ok := got.(*redis.Subscription); ok { // and not a message that came in between, or from the last session
			confirmed++
		}
	}
	return nil
}

// receive takes what the server sends, in its order.
func (s *session) receive(ctx context.Context) error {
	for {
		got, err := s.ps.Receive(ctx)
		switch got := got.(type) {
		case *redis.Message:
			s.message(got)
		case *redis.Subscription:
			err = s.answer(got)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case isReply(err):
			p, alone, mine := s.subs.refusal()
			if mine {
				return fmt.Errorf("subscribe: %w", err)
			}
			if alone {
				s.opt.Log.Error("redis refuses a subscription; browsers poll this project", "project", p.String(), "error", err)
			}
		default:
			return fmt.Errorf("receive: %w", err)
		}
	}
}

var errCount = errors.New("the server holds other subscriptions than were made")

// answer takes the answer to a SUBSCRIBE or UNSUBSCRIBE.
func (s *session) answer(a *redis.Subscription) error {
	if a.Channel == s.probeName() {
		if !s.subs.counted(a.Count) {
			return errCount
		}
		s.back(s.probes.counted())
		return nil
	}
	p, err := s.project(a.Channel)
	if err != nil {
		return nil
	}
	if !s.subs.answered(p, a.Kind == "subscribe", a.Count) {
		return errCount
	}
	return nil
}

// back takes one part of a probe that has come back; when all have, it is an echo.
func (s *session) back(sent time.Time, whole bool) {
	if whole {
		s.echoed.Store(int64(sent.Sub(s.begun)))
		s.opt.Host.Echo(sent)
	}
}

func (s *session) message(m *redis.Message) {
	if m.Pattern != "" {
		s.probed(m)
		return
	}
	if m.Channel == s.probeName() {
		return // it comes by the pattern too
	}
	if m.Channel == s.controlName() {
		signal(s.told)
		return
	}
	if m.Channel == s.tickName() {
		if _, err := version.ParseVersion(m.Payload); err != nil {
			s.ignored("tick ignored; publish a bare integer", m.Channel, err)
			return
		}
		s.opt.Host.Tick()
		return
	}
	s.messages.Add(1)
	p, err := s.project(m.Channel)
	if err != nil {
		return // not asked for by us
	}
	n, err := version.Decode(p, []byte(m.Payload))
	if err != nil {
		s.malformed.Add(1)
		s.ignored("message ignored; publish a bare integer or {\"version\":124}", m.Channel, err)
		return
	}
	s.board.Message(n)
}

// ignored logs at most once a minute what could not be read.
func (s *session) ignored(what, channel string, err error) {
	if now := time.Now().Unix(); now-s.complained.Load() >= 60 {
		s.complained.Store(now)
		s.opt.Log.Warn(what, "channel", fmt.Sprintf("%.128s", channel), "error", err)
	}
}

// command sends what subscriptions asks for. That it was sent means nothing; the answer does.
func (s *session) command(ctx context.Context) error {
	for {
		c := s.subs.nextCommand(channelsPerCommand)
		var err error
		switch {
		case c == nil:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.subs.ask:
			}
		case c.kind == unsubscribing:
			err = s.ps.Unsubscribe(ctx, s.names(c.projects)...)
		case c.kind == subscribing:
			err = s.ps.Subscribe(ctx, s.names(c.projects)...)
		case c.kind == counting:
			err = s.ps.Subscribe(ctx, s.probeName())
		}
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
}

func (s *session) names(projects []version.Project) []string {
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
			if why := s.refused.Load(); why != nil {
				return *why
			}
			return errNoEcho
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(left):
		}
	}
}
