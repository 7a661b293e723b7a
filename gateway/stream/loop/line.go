package loop

import (
	"time"

	"nudge/gateway/stream"
)

// Tag names a stream to its line, and comes back with the line's events. The generation tells that an event is old: the
// stream may have ended since, and another one may have its index.
type Tag struct{ Index, Gen uint32 }

// Event is what happened to a line.
type Event struct {
	Tag
	Gone     bool // the browser closed the connection, or is lost
	Sent     bool // the browser sent something
	Writable bool // the line takes bytes again
}

// Interest is what to be told of a line, besides that the browser has gone.
type Interest uint8

const (
	OnSent Interest = 1 << iota
	OnWritable
)

// Line is the way to one browser. Only the loop calls it.
type Line interface {
	// Watch sets what the loop is told of.
	Watch(Interest) error
	// Send takes as much of b as it can without waiting, which may be nothing. shared: b is not changed any more, so that
	// the line may keep it.
	Send(b []byte, shared bool) (int, error)
	// Finish ends what is sent. The browser may still send something.
	Finish()
	// Discard drops what the browser has sent, and tells whether more may come.
	Discard() bool
	// SetPatience sets for how long the browser may take nothing until it counts as gone.
	SetPatience(time.Duration)
	// Stuck tells whether that is why the line broke, with this error.
	Stuck(error) bool
	// Close closes the connection, because of this.
	Close(stream.Reason)
}

// Poller waits for events of sockets. Only the loop calls it, but for Ring.
type Poller interface {
	// Wait returns events. If there are none it waits for one, or for Ring, until then; the zero time: for ever.
	Wait(until time.Time) ([]Event, error)
	// Look returns events that have come, and lets other goroutines run first.
	Look() ([]Event, error)
	// Ring makes Wait return. Anybody may call it until Close.
	Ring()
	// Add begins to watch a socket.
	Add(fd int32, t Tag, i Interest) error
	// Line is the line of a socket. It is good until the next call.
	Line(fd int32, t Tag) Line
	// Close ends the poller, not the sockets.
	Close()
}
