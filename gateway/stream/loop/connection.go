package loop

import (
	"time"

	"nudge/gateway/stream"
)

// Tag names a stream in the events of its line. The generation differs if the stream has ended and another one has its
// index, so the loop can ignore old events.
type Tag struct{ Index, Gen uint32 }

// Event is what happened to a line.
type Event struct {
	Tag
	Gone     bool // the browser closed the connection, or is lost
	Sent     bool // the browser sent something
	Writable bool // the line takes bytes again
}

// Interest is which events of a line the loop needs, besides Gone.
type Interest uint8

const (
	OnSent Interest = 1 << iota
	OnWritable
)

// Line is the connection to one browser. Only the loop's goroutine calls it.
type Line interface {
	// Watch sets which events the loop gets.
	Watch(Interest) error
	// Send takes as much of b as it can without waiting, and returns how many bytes; 0 is no error. shared: nobody changes b any
	// more, so the line may keep it.
	Send(b []byte, shared bool) (int, error)
	// Finish tells the browser that nothing more is sent. The browser may still send something.
	Finish()
	// Discard drops what the browser has sent, and reports whether more may come.
	Discard() bool
	// Stuck reports whether the line failed because the browser read nothing for too long. err is the error of Send, or nil after Gone.
	Stuck(error) bool
	// Close closes the connection, and ends the line. The reason is for the log.
	Close(stream.Reason)
}

// Poller waits for events of sockets. Only the loop's goroutine calls it, except for Ring.
type Poller interface {
	// Wait returns events. If there are none it waits for one, for Ring, or until a time; the zero time: for ever. The slice is
	// valid until the next call.
	Wait(until time.Time) ([]Event, error)
	// Look lets other goroutines run, and then returns the events that have come.
	Look() ([]Event, error)
	// Ring makes Wait return. Any goroutine may call it until Close.
	Ring()
	// Add begins to watch a socket.
	Add(fd int32, t Tag, i Interest) error
	// Line returns the line of a socket. It is valid until the next call.
	Line(fd int32, t Tag) Line
	// Close closes the poller, not the sockets.
	Close()
}
