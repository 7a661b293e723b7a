package redis

import (
	"context"
	"errors"
	"net"
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

// client are the options of every client: plain RESP2, short timeouts, and no retries behind our back: a
// publish that is repeated after a timeout would call its own news stale.
func (o *Options) client(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLS,
		ClientName: "nudge-" + o.Instance,
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

// briefClient are the options of a client for one exchange.
func (o *Options) briefClient(addr string) *redis.Options {
	c := o.client(addr)
	c.ReadBufferSize, c.WriteBufferSize = briefBuffer, briefBuffer
	return c
}

// brief does one exchange with a server over a connection dialled for it, and cuts it when ctx ends: the library
// itself would sit out its timeout.
func brief[T any](ctx context.Context, opt *redis.Options, exchange func(context.Context, *redis.Client) (T, error)) (T, error) {
	client := redis.NewClient(opt)
	cut := context.AfterFunc(ctx, func() { client.Close() })
	defer client.Close()
	defer cut()
	got, err := exchange(ctx, client)
	if err != nil && ctx.Err() != nil && !isReply(err) { // it was cut: the error would be that
		err = errNoAnswer
	}
	return got, err
}

var errNoAnswer = errors.New("no answer in time")

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
