package version

import (
	"context"
	"errors"
	"time"
)

// ErrUnavailable is wrapped by the errors of [Source.Publish] and [Source.Read] if the source cannot be reached now, although
// the arguments are valid. It is safe to call again with the same arguments.
var ErrUnavailable = errors.New("version: source unavailable")

// Source receives news and writes it to the [Board] that it was made with.
type Source interface {
	// Run listens until ctx ends, and then returns nil. It continues after every fault of the connection or the server.
	Run(ctx context.Context) error
	// Watch subscribes to news of p. It does not wait: the board shows when the source listens. A second call changes
	// nothing. Watch may be called before Run.
	Watch(p Project)
	// Forget ends Watch. The board forgets the state of p, which is waiting then.
	Forget(p Project)
	// Publish stores and announces news, in order. It only counts versions that are not newer than the stored one. After an
	// error a part may be stored.
	Publish(ctx context.Context, news []News) (Receipt, error)
	// Read returns the stored version of p, which need not be watched. If it is watched, and the version is news, the
	// board has it when Read returns. Calls at the same time may share a read. The error wraps [ErrUnavailable].
	Read(ctx context.Context, p Project) (Key, error)
	// Stats are counts since the source was made.
	Stats() Stats
}

// Receipt is the outcome of Publish.
type Receipt struct {
	Accepted int // stored and announced
	Stale    int // not newer than the version stored
}

// Stats are counts of a source, which only grow.
type Stats struct {
	Messages  uint64 // messages received on projects' channels
	Malformed uint64 // of these, ignored since they are malformed
	Gaps      uint64 // times that the subscription broke
	Closed    uint64 // of these, since the server closed a connection that worked
}

// Host connects a source with the program that runs it. The functions are called from the source's own goroutines and must
// not block; nil ones are not called.
type Host struct {
	Evidence
	// Self returns what each probe says of this gateway. The source fills in Instance.
	Self func() Peer
	// Peer takes the probe of a gateway, this one included.
	Peer func(Peer)
	// Tick is called for each tick of the application.
	Tick func()
}

// Evidence has the functions by which a source proves that news arrives, or says that it does not.
type Evidence struct {
	// Echo takes the time at which a probe was sent that came back in the way of news.
	Echo func(sent time.Time)
	// Lost takes the reason why no news arrives. It holds until the next Echo.
	Lost func(Fault, error)
}
