package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"nudge/version"
	"nudge/version/publish"
)

// publishScript is for probes, which are published like news.
var publishScript = redis.NewScript(publish.Script())

// prober publishes to this instance's own channel at an interval, with the same script and to the same servers as publishers.
// It lives longer than a session.
type prober struct {
	opt      *Options
	names    names
	finder   *finder
	dataSets *dataSets
	faults   *faultLog
	last     atomic.Int64          // number of the last message. The probe's keys hold it, so it lives longer than a session
	refused  atomic.Pointer[error] // the reply that refused the last probe; nil: none did

	mu   sync.Mutex // guards open
	open map[version.Version]*probe
}

// probe is one message through each master.
type probe struct {
	sent time.Time
	left int // messages that have not come back
}

// reset forgets the probes of the last session.
func (p *prober) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = map[version.Version]*probe{}
	p.refused.Store(nil)
}

// begin notes a new probe, and returns the number of the message through each master.
func (p *prober) begin(now time.Time, masters int) []version.Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.open, func(_ version.Version, old *probe) bool { return now.Sub(old.sent) > p.opt.echoTime() })
	one := &probe{now, masters}
	numbers := make([]version.Version, masters)
	for i := range numbers {
		numbers[i] = version.Version(p.last.Add(1))
		p.open[numbers[i]] = one
	}
	return numbers
}

// returned takes a message that has come back. whole: all messages of its probe are back now.
func (p *prober) returned(number version.Version) (sent time.Time, whole bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.open[number]
	if one == nil {
		return time.Time{}, false
	}
	delete(p.open, number)
	one.left--
	return one.sent, one.left == 0
}

// run probes until ctx ends. Before each probe it gives the masters to turn, whose error ends run.
func (p *prober) run(ctx context.Context, turn func(topology) error) error {
	tick := time.NewTicker(p.opt.Probe)
	defer tick.Stop()
	for {
		err := p.probe(ctx, turn)
		p.refused.Store(nil)
		switch {
		case err == nil:
			p.faults.good()
		case errors.Is(err, errMoved):
			return err
		case p.opt.Mode == Cluster && isRedirect(err), p.opt.Mode != Standalone && errors.Is(err, errReplica):
			// A slot moved, or the master changed; the next probe will find it.
		case isReply(err): // the server answers, and refuses news
			p.refused.Store(&err)
			p.faults.tell(err)
		case ctx.Err() == nil && p.faults.isNew(err): // it may be over soon; if not, the echo will be missing
			_, fix := p.opt.diagnose(err)
			p.opt.Log.Warn("the probe could not be sent", "error", short(err), "fix", fix)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// errMoved ends a session when a master is replaced: the new one may lack news of the old one.
var errMoved = errors.New("another server is master now")

// probe sends a probe. It finds the masters and dials each time, as a new publisher does: an old connection may still lead to
// a demoted master, to which no publisher connects any more.
func (p *prober) probe(ctx context.Context, turn func(topology) error) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, max(p.opt.Probe, time.Second))
	defer cancel()
	t, err := p.finder.find(ctx)
	if err != nil {
		return err
	}
	if err := turn(t); err != nil {
		return err
	}
	numbers := p.begin(begun, len(t.masters))
	var group errgroup.Group
	for i, m := range t.masters {
		group.Go(func() error {
			if err := p.through(ctx, m, numbers[i]); err != nil {
				return fmt.Errorf("publish to Redis at %s: %w", m.addr, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// through publishes a message through one master.
func (p *prober) through(ctx context.Context, m master, number version.Version) error {
	_, err := brief(ctx, p.opt.briefClient(m.addr), func(ctx context.Context, c *redis.Client) (any, error) {
		var info *redis.StringCmd
		var published *redis.Cmd
		if _, err := c.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			info = pipe.Info(ctx, "replication")
			published = p.send(ctx, pipe, m, number)
			return nil
		}); err != nil && !isReply(err) {
			return nil, err
		}
		if _, err := p.dataSets.meet(m.addr, info.Val()); err != nil {
			return nil, err
		}
		return nil, published.Err()
	})
	return err
}

// probeExpiry is how long the probe's key outlives its instance, in seconds.
const probeExpiry = "60"

// send runs the publishers' script with the message of this number.
func (p *prober) send(ctx context.Context, c redis.Scripter, m master, number version.Version) *redis.Cmd {
	text := strconv.FormatInt(int64(number), 10)
	message := []byte(text)
	if p.opt.Host.Self != nil {
		self := p.opt.Host.Self()
		self.Instance = p.opt.Instance
		message, _ = json.Marshal(probeMessage{number, self}) // texts and numbers always marshal; what is not UTF-8 is replaced
	}
	// As a reset, so that the message is published whatever the key holds.
	return publishScript.Eval(ctx, c, []string{p.names.probe(m.tag)}, text, message, "1", probeExpiry)
}

// sayLeaving sends a last probe, which says that this gateway leaves. Otherwise the others would count its streams as lost. It
// takes a second at most.
func (p *prober) sayLeaving() {
	t := p.finder.last.Load()
	if p.opt.Host.Self == nil || t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = brief(ctx, p.opt.briefClient(t.masters[0].addr), func(ctx context.Context, c *redis.Client) (any, error) {
		return nil, p.send(ctx, c, t.masters[0], version.Version(p.last.Add(1))).Err() // if it fails, the others notice that probes are missing
	})
}

// probeMessage is the message of a gateway's probe.
type probeMessage struct {
	Number version.Version `json:"version"`
	version.Peer
}

// maxProbe is the greatest length of a probe's message in bytes.
const maxProbe = 4 << 10

// decodeProbe reads a probe of an instance. The peer is nil if the message is only a number: the sender is then no gateway, but
// for example nudge watch.
func decodeProbe(instance string, raw []byte) (number version.Version, peer *version.Peer, err error) {
	if number, err := version.ParseVersion(string(raw)); err == nil {
		return number, nil, nil
	}
	var m probeMessage
	if len(raw) > maxProbe {
		return 0, nil, fmt.Errorf("the probe is %d bytes long; %d is the most", len(raw), maxProbe)
	}
	switch err := json.Unmarshal(raw, &m); {
	case err != nil:
		return 0, nil, fmt.Errorf("the probe is no JSON object of a gateway: %v", err)
	case m.Number < 0 || m.Number > version.Max:
		return 0, nil, errors.New("version: not an integer from 0 to 2^53-1")
	case m.Instance != instance:
		return 0, nil, errors.New("instance: not that of the channel")
	}
	return m.Number, &m.Peer, m.Peer.Check()
}
