package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"nudge/version"
	"nudge/version/control"
	"nudge/version/publish"
)

// Mode is what kind of Redis a source goes to.
type Mode uint8

const (
	Standalone Mode = iota // one server, or an address behind which there is one
	Sentinel               // a master that Sentinels name
	Cluster                // a Redis Cluster, with plain pub/sub
)

// Options are the options of [New]. Only Addrs is needed.
type Options struct {
	Mode     Mode
	Addrs    []string // host:port, or the path of a unix socket: the server; the Sentinels; some nodes of the Cluster
	Master   string   // its name among the Sentinels
	DB       int      // of the keys; channels ignore it. A Cluster has none but 0
	Username string
	Password string
	TLS      *tls.Config // nil: plain; of Sentinels too

	SentinelUsername, SentinelPassword string // of the Sentinels themselves; "": none

	Prefix   string        // of every key and channel; "": nudge
	Instance string        // of this process, unique among all; it names the probe's channel. "": random
	Probe    time.Duration // time between two probes; 0: 2 s
	Routine  time.Duration // mean time between two reads of all keys without a cause; 0: 1 min
	Host     version.Host
	// Control is called with all that the fleet is told, whenever it has changed, and must not block. Nil: the source
	// does not read it, and writes nothing back.
	Control func(control.Entries)
	Log     *slog.Logger // nil: discarded
}

// Source is the [version.Source] of any number of gateways: a standalone server, one that Sentinels watch over, or a
// Cluster. One connection subscribes, and only to projects in use; in a Cluster every node passes on what is published
// at any. It never trusts that connection: a probe must come back over it again and again, from every master, or it
// is given up for a new one, to wherever the masters are by then. Each new subscription is a gap, after
// which the keys are read again.
//
// go-redis reconnects and subscribes again by itself, and keeps silent about both, so it is never given
// the chance: a subscribing client may dial once. It is never asked where the masters are, either: it remembers.
type Source struct {
	board *version.Board
	opt   Options
	pub   links // for Publish; they may outlive gaps, since a publisher is told of failure
	subs  subscriptions
	useMu sync.Mutex // keeps subs and board in step in Watch and Forget

	messages, malformed, gaps atomic.Uint64
	probed                    atomic.Int64 // messages of probes sent
	complained                atomic.Int64 // when a malformed message was last logged, Unix seconds

	histories histories
	questions chan question // keys that are asked for out of turn
	anonymous atomic.Bool   // Redis does not say which data set it has, and that was logged

	fleet       control.Entries // what all gateways were told, as far as was heard; Run's, like the three below
	fleetDigest uint64          // of the hash that agreed with it
	fleetExcuse string          // why it could not be read or written at the last attempt
	fleetWarned time.Time       // when an entry that cannot be read was last logged

	excuse string // the last fault that was logged, "" after a good probe; Run's, and within a session the probe's
	left   string // the address that the last session subscribed at
}

// backoffMost bounds the wait between two attempts to connect. A gateway that is deaf makes browsers poll fast, so it
// is short: Redis is to be heard again within 2 s, and an attempt that began too early may hang for one.
const backoffMost = 500 * time.Millisecond

// publisherLife bounds how long a publisher may go on with a server that the address no longer leads to.
const publisherLife = 5 * time.Second

// New returns a source that writes to board. It does not connect: an unreachable server is no error.
// Close it after Run has returned.
func New(board *version.Board, opt Options) (*Source, error) {
	if len(opt.Addrs) == 0 {
		return nil, errors.New("redis: no Redis address")
	}
	if opt.Prefix == "" {
		opt.Prefix = "nudge"
	}
	if opt.Instance == "" {
		opt.Instance = fmt.Sprintf("%08x", rand.Uint32())
	}
	if opt.Probe <= 0 {
		opt.Probe = 2 * time.Second
	}
	if opt.Routine <= 0 {
		opt.Routine = time.Minute
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Mode == Sentinel && opt.Master == "" {
		return nil, errors.New("redis: no name of the master that the Sentinels watch over")
	}
	opt.Host = opt.Host.Filled()
	r := &Source{board: board, opt: opt, subs: newSubscriptions(), questions: make(chan question, mostQuestions)}
	r.pub.source, r.pub.life = r, publisherLife
	return r, nil
}

// Run implements [version.Source]: one session after the other, each on connections of its own.
func (r *Source) Run(ctx context.Context) error {
	for failures := 0; ; {
		begun := time.Now()
		reached, err := r.session(ctx)
		r.board.Gap()
		if ctx.Err() != nil {
			r.farewell()
			return nil
		}
		// A connection that broke may be back at once, and then nothing need be told to anybody. One that
		// cannot be made is another matter.
		failures++
		if time.Since(begun) > 8*backoffMost {
			failures = 0
		}
		if reached > dialled {
			r.gaps.Add(1)
			err = fmt.Errorf("subscription at Redis %s: %w", r.left, err)
		}
		if reached == proven && !isReply(err) {
			r.opt.Log.Warn("redis subscription broke; connecting again", "error", err)
		} else {
			r.fault(err)
		}
		wait := min(backoffMost, 50*time.Millisecond<<min(failures, 10))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(rand.Int64N(int64(wait)))):
		}
	}
}

// Watch implements [version.Source]. The board is ready before the server can answer.
func (r *Source) Watch(p version.Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.board.Open(p)
	r.subs.watch(p)
}

// Forget implements [version.Source].
func (r *Source) Forget(p version.Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.subs.forget(p)
	r.board.Drop(p)
}

// Stats implements [version.Source].
func (r *Source) Stats() version.Stats {
	return version.Stats{
		Watched: r.subs.len(), Messages: r.messages.Load(), Malformed: r.malformed.Load(), Gaps: r.gaps.Load(),
	}
}

// Close ends what [Source.Publish] holds open.
func (r *Source) Close() { r.pub.close() }

func (r *Source) name(p version.Project) string { return publish.Name(r.opt.Prefix, p) }

// probeName is the channel of our own probes; those to the masters of a Cluster have a tag behind it.
func (r *Source) probeName() string { return r.probePrefix() + r.opt.Instance }

// probePrefix is how the names of all probes begin, and of nothing else.
func (r *Source) probePrefix() string { return r.opt.Prefix + ":probe:" }

func (r *Source) controlName() string { return r.opt.Prefix + ":control" }

// tickName is where an application says that it is there.
func (r *Source) tickName() string { return r.opt.Prefix + ":tick" }

// project is the reverse of name.
func (r *Source) project(channel string) (version.Project, error) {
	id, ok := strings.CutPrefix(channel, r.opt.Prefix+":{")
	id, closed := strings.CutSuffix(id, "}")
	if !ok || !closed {
		return version.Project{}, fmt.Errorf("channel %q is no project's", channel)
	}
	return version.ParseProject(id)
}
