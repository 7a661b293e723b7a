package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"nudge/version"
)

// session is one subscribing connection, from the dial to its first error.
type session struct {
	*Source            // what outlives the session
	reading clientPool // its own: an older connection may lead to a demoted master
	pubsub  *redis.PubSub
	conn    net.Conn // under pubsub
	begun   time.Time
	echoed  atomic.Int64 // when the last echo was sent, as time since begun: so a change of the clock has no effect
}

// run runs the session over the connection that client makes and stores in conn, until its first fault. Proven: an echo
// came back.
func (s *session) run(ctx context.Context, client *redis.Client, conn *net.Conn) (proven bool, err error) {
	s.pubsub = client.Subscribe(ctx)
	defer s.pubsub.Close()
	if err := s.begin(ctx); err != nil {
		return false, err
	}
	defer s.counters.gaps.Add(1)
	s.conn = *conn
	s.subs.begin()
	s.prober.reset()
	s.begun = time.Now()

	group, ctx := errgroup.WithContext(ctx)
	for _, task := range []func(context.Context) error{s.receive, s.command, s.confirm, s.routine, s.answerRequests, s.probe, s.supervise} {
		group.Go(func() error { return task(ctx) })
	}
	if s.control != nil {
		group.Go(func() error { return s.control.run(ctx, &s.reading) })
	}
	group.Go(func() error { // only this ends a Receive
		<-ctx.Done()
		s.pubsub.Close()
		return nil
	})
	err = group.Wait()
	return s.echoed.Load() != 0, err
}

// begin subscribes to all channels that belong to no project: all probes, what the fleet is told, and the application's tick.
// It waits for the confirmations.
func (s *session) begin(ctx context.Context) error {
	if err := s.pubsub.Subscribe(ctx, s.names.control(), s.names.tick()); err != nil {
		return err
	}
	if err := s.pubsub.PSubscribe(ctx, s.names.probes()+"*"); err != nil {
		return err
	}
	for confirmed := 0; confirmed < 3; {
		got, err := s.pubsub.ReceiveTimeout(ctx, replyTimeout)
		if err != nil {
			return err
		}
		if _, ok := got.(*redis.Subscription); ok { // and not a message
			confirmed++
		}
	}
	return nil
}

// receive handles everything that the server sends.
func (s *session) receive(ctx context.Context) error {
	for {
		got, err := s.pubsub.Receive(ctx)
		switch got := got.(type) {
		case *redis.Message:
			s.message(got)
		case *redis.Subscription:
			if p, notOurs := s.names.projectOf(got.Channel); notOurs == nil && !s.subs.answered(p, got.Kind == "subscribe") {
				return errors.New("the server answers a command that was not sent")
			}
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case isReply(err):
			p, alone, fatal := s.subs.refusal()
			if fatal {
				return fmt.Errorf("subscribe: %w", err)
			}
			if alone {
				s.opt.Log.Error("redis refuses a subscription; browsers poll this project", "project", p.String(), "error", err,
					"fix", "give the user the rights that docs/redis.md lists")
			}
		default:
			return fmt.Errorf("receive: %w", err)
		}
	}
}

func (s *session) message(m *redis.Message) {
	switch {
	case m.Pattern != "":
		s.probeMessage(m)
	case m.Channel == s.names.control():
		if s.control != nil {
			s.control.announced.Set()
		}
	case m.Channel == s.names.tick():
		if _, err := version.ParseVersion(m.Payload); err != nil {
			s.ignored("tick ignored", m.Channel, err, "publish a bare integer")
			return
		}
		s.opt.Host.Tick()
	default:
		s.counters.messages.Add(1)
		p, err := s.names.projectOf(m.Channel)
		if err != nil {
			return // this session did not subscribe to it
		}
		n, err := version.Decode(p, []byte(m.Payload))
		if err != nil {
			s.counters.malformed.Add(1)
			s.board.Garbled(p)
			s.ignored("message ignored", m.Channel, err, `publish a bare integer or {"version":124}`)
			return
		}
		s.board.Message(n)
	}
}

// probeMessage takes a message of a probe. When all messages of one of our own probes are back, that is an echo.
func (s *session) probeMessage(m *redis.Message) {
	instance := s.names.prober(m.Channel)
	number, peer, err := decodeProbe(instance, []byte(m.Payload))
	if err != nil {
		s.ignored("probe ignored", m.Channel, err, "only gateways publish there: keep others off by their rights in Redis")
		return
	}
	if instance == s.names.instance {
		if sent, whole := s.prober.returned(number); whole {
			s.echoed.Store(int64(sent.Sub(s.begun)))
			s.opt.Host.Echo(sent)
		}
	}
	if peer != nil {
		s.opt.Host.Peer(*peer)
	}
}

// ignored logs a malformed message, at most once a minute.
func (s *session) ignored(what, channel string, err error, fix string) {
	if now := time.Now().Unix(); now-s.counters.logged.Load() >= 60 {
		s.counters.logged.Store(now)
		s.opt.Log.Warn(what, "channel", fmt.Sprintf("%.128s", channel), "error", err, "fix", fix)
	}
}

// command sends the commands of subscriptions.
func (s *session) command(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.subs.ask:
		}
		// No more than one command is under way. Its last answer asks for the next.
		if c := s.subs.nextCommand(); c != nil {
			_ = s.conn.SetWriteDeadline(time.Now().Add(replyTimeout)) // if it fails, the write fails too
			if _, err := s.conn.Write(c.encode(s.names)); err != nil {
				return fmt.Errorf("subscribe: %w", err)
			}
		}
	}
}

// encode returns the command in RESP. The library is not used because it would keep the name of each channel, to subscribe
// again by itself.
func (c *command) encode(n names) []byte {
	verb := "SUBSCRIBE"
	if c.unsubscribe {
		verb = "UNSUBSCRIBE"
	}
	b := fmt.Appendf(nil, "*%d\r\n$%d\r\n%s\r\n", 1+len(c.projects), len(verb), verb)
	for _, p := range c.projects {
		channel := n.project(p)
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(channel), channel)
	}
	return b
}

// probe sends probes until a master of this session is replaced.
func (s *session) probe(ctx context.Context) error {
	return s.prober.run(ctx, func(t topology) error {
		for _, m := range s.reading.masters().masters {
			if !t.has(m.addr) {
				return fmt.Errorf("%w: no longer %s", errMoved, m.addr)
			}
		}
		s.reading.use(t)
		s.publishing.use(t)
		return nil
	})
}

// sleep waits, or returns why ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
