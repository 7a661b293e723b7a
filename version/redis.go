package version

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Mode is what kind of Redis a source goes to.
type Mode uint8

const (
	Standalone Mode = iota // one server, or an address behind which there is one
	Sentinel               // a master that Sentinels name
	Cluster                // a Redis Cluster, with plain pub/sub
)

// RedisOptions are the options of [NewRedis]. Only Addrs is needed.
type RedisOptions struct {
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
	Host     Host
	Log      *slog.Logger // nil: discarded
}

// Redis is the source of any number of gateways: one standalone Redis server. One connection
// subscribes, and only to projects in use. It never trusts that connection: a probe must come back over
// it again and again, or it is given up for a new one. Each new subscription is a gap, after which the
// keys are read again.
//
// go-redis reconnects and subscribes again by itself, and keeps silent about both, so it is never given
// the chance: a subscribing client may dial once.
type Redis struct {
	board *Board
	opt   RedisOptions
	pub   *redis.Client // for Publish only; it may outlive gaps, since a publisher is told of failure
	subs  subscriptions
	useMu sync.Mutex // keeps subs and board in step in Watch and Forget

	messages, malformed, gaps atomic.Uint64
	complained                atomic.Int64 // when a malformed message was last logged, Unix seconds

	idMu    sync.Mutex // guards the two below
	lastID  string     // replication id of the last read …
	history uint64     // … and the number that the board knows it by

	excuse string // the last fault that was logged, "" after a good probe; Run's, and within a session the probe's
}

// silent keeps the library from writing lines of its own: every fault reaches us as an error, and is logged
// once by whoever understands it.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }

const (
	dialTimeout  = 2 * time.Second
	replyTimeout = 2 * time.Second
	// backoffMost bounds the wait between two attempts to connect. A gateway that is deaf makes browsers
	// poll fast, so it is short.
	backoffMost = 2 * time.Second
	// buffer is the size of a connection's buffers, in bytes; subscriberBuffer that of the one which is to keep up with
	// 100,000 messages a second.
	buffer, subscriberBuffer = 4 << 10, 32 << 10
)

// NewRedis returns a source that writes to board. It does not connect: an unreachable server is no error.
// Close it after Run has returned.
func NewRedis(board *Board, opt RedisOptions) (*Redis, error) {
	if len(opt.Addrs) == 0 {
		return nil, errors.New("version: no Redis address")
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
	r := &Redis{board: board, opt: opt, subs: newSubscriptions()}
	r.pub = redis.NewClient(r.clientOptions())
	return r, nil
}

// clientOptions are those of every client: plain RESP2, short timeouts, and no retries behind our back: a
// publish that is repeated after a timeout would call its own news stale.
func (r *Redis) clientOptions() *redis.Options {
	return &redis.Options{
		Addr: r.opt.Addrs[0], DB: r.opt.DB, Username: r.opt.Username, Password: r.opt.Password, TLSConfig: r.opt.TLS,
		ClientName: "nudge-" + r.opt.Instance,
		Protocol:   2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DialTimeout:              dialTimeout, DialerRetries: 1,
		ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, ContextTimeoutEnabled: true,
		MaxRetries: -1,
		// One connection of each kind, a few commands a second: the library's own buffers, up to 256 KiB for each
		// connection and thrown away with each probe's, would be more than 1,000 streams need.
		ReadBufferSize: buffer, WriteBufferSize: buffer, PipelinePoolSize: -1,
	}
}

// Run implements [Source]: one session after the other, each on connections of its own.
func (r *Redis) Run(ctx context.Context) error {
	for failures := 0; ; {
		begun := time.Now()
		established, err := r.session(ctx)
		r.board.Gap()
		if ctx.Err() != nil {
			return nil
		}
		// A connection that broke may be back at once, and then nothing need be told to anybody. One that
		// cannot be made is another matter.
		failures++
		if time.Since(begun) > 2*backoffMost {
			failures = 0
		}
		if established {
			r.gaps.Add(1)
			r.opt.Log.Warn("redis subscription broke; connecting again", "addr", r.opt.Addrs[0], "error", err)
		} else {
			r.fault(fmt.Errorf("connect to Redis at %s: %w", r.opt.Addrs[0], err))
		}
		wait := min(backoffMost, 50*time.Millisecond<<min(failures, 10))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(rand.Int64N(int64(wait)))):
		}
	}
}

// fault admits that no news comes, and logs why when that changes.
func (r *Redis) fault(err error) {
	r.opt.Host.lost(err)
	if r.complain(err) {
		r.opt.Log.Error("redis does not deliver; browsers poll until it does", "error", err, "mend", mend(err))
	}
}

// complain tells whether err is another one than the last. Our own port, which is in the text of a network
// error and changes with each attempt, makes no difference.
func (r *Redis) complain(err error) bool {
	text := err.Error()
	var network *net.OpError
	if errors.As(err, &network) {
		text = network.Op + ": " + network.Err.Error()
	}
	if text == r.excuse {
		return false
	}
	r.excuse = text
	return true
}

// mend says what an operator can do about err.
func mend(err error) string {
	text := err.Error()
	for word, mend := range map[string]string{
		"WRONGPASS":           "see redis.username and redis.password",
		"NOAUTH":              "set redis.password, or NUDGE_REDIS_PASSWORD",
		"NOPERM":              "give the user the rights that the README lists",
		"READONLY":            "redis.addrs must name a master",
		"MISCONF":             "Redis cannot save to disk; see its log",
		"OOM":                 "Redis is at its maxmemory",
		"too many open files": "raise the limit of open files",
	} {
		if strings.Contains(text, word) {
			return mend
		}
	}
	return "see whether Redis runs and redis.addrs names it"
}

// Watch implements [Source]. The board is ready before the server can answer.
func (r *Redis) Watch(p Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.board.Open(p)
	r.subs.watch(p)
}

// Forget implements [Source].
func (r *Redis) Forget(p Project) {
	r.useMu.Lock()
	defer r.useMu.Unlock()
	r.subs.forget(p)
	r.board.Drop(p)
}

// Stats implements [Source].
func (r *Redis) Stats() Stats {
	return Stats{
		Watched: r.subs.len(), Messages: r.messages.Load(), Malformed: r.malformed.Load(), Gaps: r.gaps.Load(),
	}
}

// Close ends what [Redis.Publish] holds open.
func (r *Redis) Close() error { return r.pub.Close() }

// name is the channel and the key of p. The braces make both live in one slot of a Redis Cluster.
func (r *Redis) name(p Project) string { return r.opt.Prefix + ":{" + p.id + "}" }

func (r *Redis) probeName() string { return r.opt.Prefix + ":probe:" + r.opt.Instance }

// project is the reverse of name.
func (r *Redis) project(channel string) (Project, error) {
	id, ok := strings.CutPrefix(channel, r.opt.Prefix+":{")
	id, closed := strings.CutSuffix(id, "}")
	if !ok || !closed {
		return Project{}, fmt.Errorf("channel %q is no project's", channel)
	}
	return ParseProject(id)
}

// dialOnce is a dialer that serves one connection: what the library opens behind our back after a fault
// would be subscribed without anybody having read the keys.
func dialOnce(opt *redis.Options) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(opt)
	var used atomic.Bool
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("the connection was given up")
		}
		return dial(ctx, network, addr)
	}
}

// isReply tells an error that the server sent from one of the connection.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}
