package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"nudge/version"
)

// probes remembers the probes that are on their way.
type probes struct {
	last *atomic.Int64 // number of the last message; it outlives the session, since the keys that hold it do

	mu     sync.Mutex // guards all below
	sent   map[version.Version]*round
	counts []*round // whose count was asked for and not answered, oldest first
}

// round is one probe in all its parts: a message through each master, and a count of the subscriptions.
type round struct {
	sent time.Time
	open int
}

// begin begins a round through so many masters, and returns the number of each message.
func (p *probes) begin(now time.Time, masters int) []version.Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = map[version.Version]*round{}
	}
	r := &round{now, masters + 1}
	p.counts = append(p.counts, r)
	numbers := make([]version.Version, masters)
	for i := range numbers {
		number := version.Version(p.last.Add(1))
		numbers[i] = number
		p.sent[number] = r
		delete(p.sent, number-version.Version(16*masters)) // that will not come back
	}
	return numbers
}

// returned takes a message that has come back. Whole: it was the last part of its round.
func (p *probes) returned(number version.Version) (sent time.Time, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.sent[number]
	delete(p.sent, number)
	return r.less()
}

// counted takes a count that was right.
func (p *probes) counted() (sent time.Time, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.counts) == 0 {
		return time.Time{}, false
	}
	r := p.counts[0]
	p.counts = p.counts[1:]
	return r.less()
}

// less is r with one part less on its way.
func (r *round) less() (sent time.Time, whole bool) {
	if r == nil {
		return time.Time{}, false
	}
	r.open--
	return r.sent, r.open == 0
}

// probeExpiry is how long the probe's key outlives its instance, in seconds.
const probeExpiry = "60"

// probe publishes to our own channel as publishers do, again and again, and finds out where they would.
func (s *session) probe(ctx context.Context) error {
	tick := time.NewTicker(s.opt.Probe)
	defer tick.Stop()
	for {
		err := s.probeOnce(ctx)
		s.refused.Store(nil)
		switch {
		case err == nil:
			s.excuse = ""
		case errors.Is(err, errMoved):
			return err
		case s.opt.Mode == Cluster && isRedirect(err), s.opt.Mode != Standalone && errors.Is(err, errReplica):
			// A slot moved meanwhile, or another is master; the next round knows.
		case isReply(err): // the server is there, and says that it takes no news
			s.refused.Store(&err)
			s.fault(err)
		case ctx.Err() == nil && s.complain(err): // it may pass; no echo is told soon enough
			_, mend := diagnose(err)
			s.opt.Log.Warn("the probe could not be sent", "error", err, "mend", mend)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// isRedirect tells the reply of a node of a Cluster that a slot is elsewhere by now.
func isRedirect(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply) && (strings.HasPrefix(reply.Error(), "MOVED ") || strings.HasPrefix(reply.Error(), "ASK "))
}

// errMoved ends a session whose masters are not those it began with: what they were not told by the old ones, nobody
// can say.
var errMoved = errors.New("another server is master now")

// probeOnce sends one round. It asks and dials anew, as a publisher might: over an old connection the echo of a demoted
// master that is no longer behind the address would pass for the present one's.
func (s *session) probeOnce(ctx context.Context) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, max(s.opt.Probe, time.Second))
	defer cancel()
	ro, err := s.find(ctx)
	if err != nil {
		return err
	}
	for _, m := range s.keys.masters().masters {
		if !ro.has(m.addr) {
			return fmt.Errorf("%w: no longer %s", errMoved, m.addr)
		}
	}
	s.keys.turnTo(ro)
	s.pub.turnTo(ro)

	numbers := s.probes.begin(begun, len(ro.masters))
	s.subs.count()
	var group errgroup.Group
	for i, m := range ro.masters {
		group.Go(func() error {
			if err := s.probeMaster(ctx, m, numbers[i]); err != nil {
				return fmt.Errorf("publish to Redis at %s: %w", m.addr, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (s *session) probeMaster(ctx context.Context, m master, number version.Version) error {
	_, err := brief(ctx, redis.NewClient(s.briefOptions(m.addr)), func(ctx context.Context, c *redis.Client) (any, error) {
		var info *redis.StringCmd
		var published *redis.Cmd
		if _, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			info = pipe.Info(ctx, "replication")
			published = s.sayProbe(ctx, pipe, m, number)
			return nil
		}); err != nil && !isReply(err) {
			return nil, err
		}
		if err := s.met(m.addr, info.Val()); err != nil {
			return nil, err
		}
		return nil, published.Err()
	})
	return err
}

// sayProbe runs the publishers' script with the probe of this number.
func (r *Source) sayProbe(ctx context.Context, c redis.Scripter, m master, number version.Version) *redis.Cmd {
	name := r.probeName()
	if m.tag != "" {
		name += ":{" + m.tag + "}"
	}
	text := strconv.FormatInt(int64(number), 10)
	message := []byte(text)
	if r.opt.Host.Self != nil {
		self := r.opt.Host.Self()
		self.Instance = r.opt.Instance
		// A struct of texts and numbers always marshals; what is not UTF-8 is replaced.
		message, _ = json.Marshal(probeMessage{number, self})
	}
	// As a reset: whatever somebody put into the key, the probe is announced.
	return publishScript.Eval(ctx, c, []string{name}, text, message, "1", probeExpiry)
}

// probeMessage is the message of a gateway's probe: what the publishers' script needs of any news, and the peer.
type probeMessage struct {
	Number version.Version `json:"version"`
	version.Peer
}

// maxProbe bounds the message of a probe, in bytes.
const maxProbe = 4 << 10

// decodeProbe reads the message of a gateway's probe; unknown fields are ignored.
func decodeProbe(raw []byte) (version.Peer, version.Version, error) {
	if len(raw) > maxProbe {
		return version.Peer{}, 0, fmt.Errorf("the probe is %d bytes long; %d is the most", len(raw), maxProbe)
	}
	var m probeMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return version.Peer{}, 0, fmt.Errorf("the probe is no JSON object of a gateway: %v", err)
	}
	if m.Number < 0 || m.Number > version.Max {
		return version.Peer{}, 0, errors.New("version: not an integer from 0 to 2^53-1")
	}
	return m.Peer, m.Number, m.Peer.Check()
}

// farewellTime bounds the last probe: nobody waits longer for a Redis that is away.
const farewellTime = time.Second

// farewell sends a last probe. A gateway that ends sooner than its next would be due would otherwise not have said that
// it leaves, and its streams would be missed.
func (r *Source) farewell() {
	masters := r.pub.masters().masters
	if r.opt.Host.Self == nil || len(masters) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewellTime)
	defer cancel()
	_, _ = brief(ctx, redis.NewClient(r.briefOptions(masters[0].addr)), func(ctx context.Context, c *redis.Client) (any, error) {
		return nil, r.sayProbe(ctx, c, masters[0], version.Version(r.probed.Add(1))).Err() // unheard it changes nothing
	})
}

// probed takes a probe, of our own or of another gateway.
func (s *session) probed(m *redis.Message) {
	instance, _, _ := strings.Cut(strings.TrimPrefix(m.Channel, s.probePrefix()), ":{")
	own := instance == s.opt.Instance
	if number, err := version.ParseVersion(m.Payload); err == nil { // of somebody who only listens, as nudge watch does
		if own {
			s.back(s.probes.returned(number))
		}
		return
	}
	peer, number, err := decodeProbe([]byte(m.Payload))
	if err == nil && peer.Instance != instance {
		err = errors.New("instance: not that of the channel")
	}
	if err != nil {
		s.ignored("probe ignored; only gateways publish there", m.Channel, err)
		return
	}
	if own {
		s.back(s.probes.returned(number))
	}
	s.opt.Host.Peer(peer)
}
