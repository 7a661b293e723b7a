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
	// Sizes of the buffers of a connection in bytes: an ordinary one, the subscriber, which must read 100,000 messages a
	// second, and one that is closed after one or two commands.
	buffer, subscriberBuffer, briefBuffer = 4 << 10, 32 << 10, 512
)

// Quiet stops go-redis from writing to stderr, in the whole process. Every fault is also returned as an error, and this package
// logs it once. Only main may call Quiet, before anything else.
func Quiet() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// client returns the options of every client: RESP2, short timeouts, and no retries. If the library repeated a publish after a
// timeout, its own news would be stale.
func (o *Options) client(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, DB: o.DB, Dialer: o.dial,
		CredentialsProvider: func() (string, string) {
			a := o.access.Load()
			return a.Username, a.Password
		},
		ClientName: "nudge-" + o.Instance,
		Protocol:   2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		DialTimeout:              dialTimeout, DialerRetries: 1,
		ReadTimeout: replyTimeout, WriteTimeout: replyTimeout, ContextTimeoutEnabled: true,
		MaxRetries: -1,
		// A few commands a second need no more: the library's own buffers, up to 256 KiB for each connection, would
		// take more memory than 1,000 streams.
		ReadBufferSize: buffer, WriteBufferSize: buffer, PipelinePoolSize: -1,
	}
}

// briefClient returns the options of a client for one exchange.
func (o *Options) briefClient(addr string) *redis.Options {
	c := o.client(addr)
	c.ReadBufferSize, c.WriteBufferSize = briefBuffer, briefBuffer
	return c
}

// brief does one exchange with a server over a new connection, and closes the connection when ctx ends. The library itself
// would wait for its timeout.
func brief[T any](ctx context.Context, opt *redis.Options, exchange func(context.Context, *redis.Client) (T, error)) (T, error) {
	client := redis.NewClient(opt)
	cut := context.AfterFunc(ctx, func() { client.Close() })
	defer client.Close()
	defer cut()
	got, err := exchange(ctx, client)
	if err != nil && ctx.Err() != nil && !isReply(err) { // the error says only that we closed it
		err = errNoAnswer
	}
	return got, err
}

var errNoAnswer = errors.New("no answer in time")

// dialOnce returns a dialer that makes only one connection, which it stores in made. Otherwise the library would replace a
// broken connection and subscribe again without an error, and the keys would not be read after that gap.
func (o *Options) dialOnce(made *net.Conn) func(context.Context, string, string) (net.Conn, error) {
	var used atomic.Bool
	return func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		if used.Swap(true) {
			return nil, errors.New("the connection is closed")
		}
		if conn, err = o.dial(ctx, network, addr); err == nil {
			*made = conn
		}
		return conn, err
	}
}

// isReply reports whether err is an error reply of the server, and not an error of the connection.
func isReply(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}

// replyError is an error reply that the library does not return: one after which the server closed the connection, or one that
// follows from another answer.
type replyError string

func (e replyError) Error() string { return string(e) }

// RedisError implements [redis.Error].
func (replyError) RedisError() {}
