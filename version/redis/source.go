package redis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
	"nudge/version/control"
)

// Mode is the kind of Redis that a source uses.
type Mode uint8

const (
	Standalone Mode = iota // one server, or an address that leads to one
	Sentinel               // a master that Sentinels name
	Cluster                // a Redis Cluster, with plain pub/sub
)

// Options are the options of [New]. Only Addrs is needed.
type Options struct {
	Mode   Mode
	Addrs  []string // host:port, or the path of a unix socket: the server; the Sentinels; some nodes of the Cluster
	Master string   // its name among the Sentinels
	DB     int      // of the keys; channels ignore it. A Cluster has only 0
	Access          // at the start; see [Source.SetAccess]

	Prefix   string        // of every key and channel; "": nudge
	Instance string        // of this process, unique among all; it names the probe's channel. "": random
	Probe    time.Duration // time between two probes; 0: 2 s
	Routine  time.Duration // mean time between two routine reads of all keys; 0: 1 min
	Host     version.Host
	// Control is called with everything that the fleet is told, whenever it has changed. It must not block. Nil: the source
	// does not read the hash, and writes nothing back.
	Control func(control.Entries)
	Log     *slog.Logger // nil: discarded

	access *atomic.Pointer[Access] // in use
}

// Source is a [version.Source] for any number of gateways: a standalone server, one that Sentinels watch, or a Cluster.
//
// go-redis reconnects and subscribes again without an error, which would hide gaps. So a subscribing client may dial only once.
// The source also finds the masters itself, since go-redis keeps old answers.
type Source struct {
	opt      Options
	names    names
	board    *version.Board
	subs     *subscriptions
	useMu    sync.Mutex // Watch and Forget hold it, so that subs and board agree
	requests chan readRequest
	counters counters
	dataSets dataSets
	finder   finder
	// publishing is for what callers ask, with or without a session. Its connections may stay open over a gap, since the
	// caller gets every error.
	publishing clientPool
	prober     prober
	control    *controlKeeper // nil: the host does not ask for it
	faults     faultLog

	lastAddr  string // where the last session subscribed
	anonymous bool   // it was logged that Redis does not tell its replication id
}

// counters are counts since the source was made.
type counters struct {
	messages, malformed, gaps, closed atomic.Uint64
	logged                            atomic.Int64 // when a malformed message was last logged, Unix seconds
}

// backoffMost is the longest wait between two attempts to connect. It is short, since without Redis all browsers poll fast.
const backoffMost = 500 * time.Millisecond

// New returns a source that writes to board. It does not connect: an unreachable server is no error.
// Close it after Run has returned.
func New(board *version.Board, opt Options) (*Source, error) {
	if len(opt.Addrs) == 0 {
		return nil, errors.New("redis: no address")
	}
	if opt.Mode == Sentinel && opt.Master == "" {
		return nil, errors.New("redis: no name of the master that the Sentinels watch over")
	}
	opt.Prefix = cmp.Or(opt.Prefix, "nudge")
	opt.Instance = cmp.Or(opt.Instance, fmt.Sprintf("%08x", rand.Uint32()))
	opt.Probe = cmp.Or(max(opt.Probe, 0), 2*time.Second)
	opt.Routine = cmp.Or(max(opt.Routine, 0), time.Minute)
	if opt.Host.Echo == nil {
		opt.Host.Echo = func(time.Time) {}
	}
	if opt.Host.Lost == nil {
		opt.Host.Lost = func(version.Fault, error) {}
	}
	if opt.Host.Peer == nil {
		opt.Host.Peer = func(version.Peer) {}
	}
	if opt.Host.Tick == nil {
		opt.Host.Tick = func() {}
	}
	opt.Log = cmp.Or(opt.Log, slog.New(slog.DiscardHandler))
	opt.access = new(atomic.Pointer[Access])
	opt.access.Store(&opt.Access)
	r := &Source{
		opt: opt, names: names{opt.Prefix, opt.Instance}, board: board, subs: newSubscriptions(board),
		requests: make(chan readRequest, mostRequests),
	}
	r.faults = faultLog{opt: &r.opt, said: map[string]time.Time{}}
	r.finder.opt = &r.opt
	r.publishing = clientPool{opt: &r.opt, life: publisherLife}
	r.prober = prober{opt: &r.opt, names: r.names, finder: &r.finder, dataSets: &r.dataSets, faults: &r.faults}
	if opt.Control != nil {
		r.control = &controlKeeper{opt: &r.opt, name: r.names.control(), announced: version.NewSignal()}
	}
	return r, nil
}

// closedFix says why a Redis that worked closes a subscription, and what to do. Redis tells only its own log.
const closedFix = "start Redis, if it was stopped. If its log says 'output buffer limits', a client published a message of more than " +
	"client-output-buffer-limit pubsub (32 MB by default), and must publish less"

// Run implements [version.Source]: one session after the other, each on connections of its own.
func (r *Source) Run(ctx context.Context) error {
	for failures := 0; ; {
		begun := time.Now()
		proven, err := r.session(ctx)
		r.board.Gap()
		if ctx.Err() != nil {
			r.prober.sayLeaving()
			return nil
		}
		// A proven connection that breaks may be back at once. Then no browser needs to know.
		failures++
		if time.Since(begun) > 8*backoffMost {
			failures = 0
		}
		if proven && !isReply(err) {
			closed := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
			if closed {
				r.counters.closed.Add(1)
			}
			if r.faults.isNew(err) {
				_, fix := r.opt.diagnose(err)
				if closed {
					fix = closedFix
				}
				r.opt.Log.Warn("redis subscription broke; connecting again", "error", short(err), "fix", "nothing if push is healthy again; else: "+fix)
			}
		} else {
			r.faults.tell(err)
		}
		wait := min(backoffMost, 50*time.Millisecond<<min(failures, 10))
		if sleep(ctx, time.Duration(rand.Int64N(int64(wait)))) != nil {
			return nil
		}
	}
}

// session runs one session.
func (r *Source) session(ctx context.Context) (proven bool, err error) {
	t, err := r.finder.find(ctx)
	if err != nil {
		return false, err
	}
	r.publishing.use(t)
	r.dataSets.beginSession()
	r.choose(t)
	var conn net.Conn
	client := redis.NewClient(r.subscriber(&conn))
	defer client.Close()
	s := &session{Source: r, reading: clientPool{opt: &r.opt, topology: t}}
	defer s.reading.reset()
	proven, err = s.run(ctx, client, &conn)
	return proven, fmt.Errorf("subscription at Redis %s: %w", r.lastAddr, err)
}

// choose returns the master to subscribe at. If there are several, it is another than last time, since that one may be cut off
// from the rest.
func (r *Source) choose(t topology) {
	last := r.lastAddr
	for _, i := range rand.Perm(len(t.masters)) {
		if r.lastAddr = t.masters[i].addr; r.lastAddr != last {
			return
		}
	}
}

// subscriber returns the options of a client for the one subscribing connection, which is stored in conn.
func (r *Source) subscriber(conn *net.Conn) *redis.Options {
	o := r.opt.client(r.lastAddr)
	o.Dialer = r.opt.dialOnce(conn)
	o.ReadBufferSize = subscriberBuffer
	// INFO must use this connection: another connection to the same address may reach another server.
	o.OnConnect = func(ctx context.Context, c *redis.Conn) error {
		info, err := c.Info(ctx, "replication").Result()
		if err != nil && !isReply(err) {
			return err
		}
		if err != nil && !r.anonymous {
			r.anonymous = true
			r.opt.Log.Warn("redis does not tell its replication id: after each gap every page polls once", "error", short(err),
				"fix", "give the user the rights that docs/redis.md lists")
		}
		_, err = r.dataSets.meet(o.Addr, info)
		return err
	}
	return o
}

// Watch implements [version.Source].
func (r *Source) Watch(p version.Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.subs.watch(r.board.Open(p))
}

// Forget implements [version.Source].
func (r *Source) Forget(p version.Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.subs.forget(p)
	r.board.Clear(p)
}

// Stats implements [version.Source].
func (r *Source) Stats() version.Stats {
	return version.Stats{
		Messages: r.counters.messages.Load(), Malformed: r.counters.malformed.Load(), Gaps: r.counters.gaps.Load(), Closed: r.counters.closed.Load(),
	}
}

// Close closes the connections of [Source.Publish].
func (r *Source) Close() { r.publishing.reset() }
