package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	dialTimeout  = 2 * time.Second
	replyTimeout = 2 * time.Second
	// buffer is the size of a connection's buffers, in bytes; subscriberBuffer that of the one which is to keep up with
	// 100,000 messages a second, briefBuffer that of one that is thrown away after a command or two.
	buffer, subscriberBuffer, briefBuffer = 4 << 10, 32 << 10, 512
)

// Quiet keeps go-redis from writing lines of its own, in the whole process: every fault reaches us as an error, and is
// logged once by whoever understands it. It is for main, before anything else; a program that only imports this package
// to publish has its own wishes.
func Quiet() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// clientOptions are those of every client: plain RESP2, short timeouts, and no retries behind our back: a
// publish that is repeated after a timeout would call its own news stale.
func (r *Source) clientOptions(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, DB: r.opt.DB, Username: r.opt.Username, Password: r.opt.Password, TLSConfig: r.opt.TLS,
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

// briefOptions are those of a client for one exchange.
func (r *Source) briefOptions(addr string) *redis.Options {
	o := r.clientOptions(addr)
	o.ReadBufferSize, o.WriteBufferSize = briefBuffer, briefBuffer
	return o
}

// brief does one exchange with a server over a connection dialled for it, and cuts it when ctx ends: the library
// itself would sit out its timeout.
func brief[T any](ctx context.Context, client *redis.Client, exchange func(context.Context, *redis.Client) (T, error)) (T, error) {
	cut := context.AfterFunc(ctx, func() { client.Close() })
	defer client.Close()
	defer cut()
	said, err := exchange(ctx, client)
	if err != nil && ctx.Err() != nil && !isReply(err) { // it was cut: the error would be that
		err = errors.New("no answer in time")
	}
	return said, err
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

// links are connections to the masters of a roster, each dialled when it is first used.
type links struct {
	source *Source
	life   time.Duration // of a connection; 0: until it breaks

	mu      sync.Mutex // guards all below
	roster  roster
	clients map[string]*redis.Client // by address
}

// to is the client of the server at addr.
func (l *links) to(addr string) *redis.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.clients[addr]
	if c == nil {
		o := l.source.clientOptions(addr)
		o.ConnMaxLifetime = l.life
		c = redis.NewClient(o)
		if l.clients == nil {
			l.clients = map[string]*redis.Client{}
		}
		l.clients[addr] = c
	}
	return c
}

// masters is the roster in use.
func (l *links) masters() roster {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.roster
}

// turnTo makes a roster the one in use, and closes what leads elsewhere.
func (l *links) turnTo(r roster) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roster = r
	for addr, c := range l.clients {
		if !r.has(addr) {
			c.Close()
			delete(l.clients, addr)
		}
	}
}

// leave ends them all, and forgets the roster.
func (l *links) leave() { l.turnTo(roster{}) }

// close ends them all; the next use dials anew.
func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for addr, c := range l.clients {
		c.Close()
		delete(l.clients, addr)
	}
}
