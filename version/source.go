package version

import (
	"context"
	"errors"
	"time"
)

// ErrUnavailable is wrapped by the errors of [Source.Publish] and [Source.Read] when the source cannot be reached
// now, though nothing is wrong with what was asked. Asking or publishing the same again is safe.
var ErrUnavailable = errors.New("version: source unavailable")

// Source is where news comes from. It writes what it hears to the [Board] it was made with.
type Source interface {
	// Run listens until ctx ends, and returns nil then. It outlives every fault of what it listens to.
	Run(ctx context.Context) error
	// Watch asks for news of p. It does not wait: the board tells when the source listens. Watching what
	// is watched changes nothing. It may be called before Run.
	Watch(p Project)
	// Forget ends Watch. What is known of p is dropped from the board, where p is waiting then.
	Forget(p Project)
	// Publish stores and announces news, in order. What is not newer than the stored version is only counted. After an
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

// Stats tells what a source has been through. Counters only grow.
type Stats struct {
	Watched   int    // projects watched now
	Messages  uint64 // messages received on projects' channels
	Malformed uint64 // of these, ignored since they are malformed
	Gaps      uint64 // times that the subscription broke
}

// Host connects a source with the program that runs it. The functions are called from the source's own goroutines and must
// not block; nil ones are not called.
type Host struct {
	Evidence
	// Self returns what each probe says of this gateway. The source fills in Instance.
	Self func() Peer
	// Peer takes the probe of a gateway, this one included.
	Peer func(Peer)
	// Tick is called when the application has said that it is alive.
	Tick func()
}

// Evidence is how a source proves that news would come through, or tells that it would not.
type Evidence struct {
	// Echo takes a probe that came back the way news comes, by the time at which it was sent.
	Echo func(sent time.Time)
	// Lost takes why no news comes. The next Echo ends that.
	Lost func(Fault, error)
}
