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
	// Forget ends Watch, and drops p from the board.
	Forget(p Project)
	// Publish stores and announces each of news that is newer than what is stored, in order, and counts
	// both. After an error some may have been taken.
	Publish(ctx context.Context, news []News) (Receipt, error)
	// Read reads what is stored of p, whether it is watched or not. If it is, and that is news, then the board has it when
	// Read returns. Many calls at once are read together and wait for their turn. The error wraps [ErrUnavailable].
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
	Malformed uint64 // of these, not to be read, and ignored
	Gaps      uint64 // times that the subscription broke
}

// Host is the program that runs a source: what the source must know of it, and tells it besides news. The
// functions are called from the source's own goroutines and must not block; nil ones are not called.
type Host struct {
	Evidence
	// Self is what to say of this gateway with each probe. Instance is filled in by the source.
	Self func() Peer
	// Peer is a gateway that was just heard, this one included.
	Peer func(Peer)
	// Tick: the application has said that it is there.
	Tick func()
}

// Evidence is how a source proves that news would come through, and admits that it would not. The
// functions are called from the source's own goroutines and must not block; nil ones are not called.
type Evidence struct {
	// Echo: a probe that was sent at this time has come back the way news comes.
	Echo func(sent time.Time)
	// Lost: the source knows by itself that no news comes, and why. An Echo ends it.
	Lost func(Fault, error)
}
