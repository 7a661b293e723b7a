package stream

import (
	"time"

	"nudge/version"
)

// Frame is one change of a project, rendered once for all who watch it. It is not changed after it was offered.
type Frame struct {
	version.Change
	// Delivered is called by each loop that has written the frame to all of its streams; nil: nobody asks.
	Delivered func()
	Made      time.Time     // when the change was taken from the board
	Spread    time.Duration // within which the readers of the frame poll
	advance   []byte        // for readers that were sent a lower version of the same era
	reset     []byte        // for readers that were sent a version of the era before, if this era began with a reset
}

// NewFrame renders a change. The poll that it causes belongs to a trace; "": to none.
func NewFrame(c version.Change, spread time.Duration, trace version.Trace) *Frame {
	f := &Frame{Change: c, Spread: spread}
	if c.Known {
		f.advance = appendVersion(nil, c, spread, trace, false)
	}
	if c.Known && c.Reset {
		f.reset = appendVersion(nil, c, spread, trace, true)
	}
	return f
}

// Event returns the bytes to write for n, which is SendAdvance or SendReset. All readers share them: do not change them.
func (f *Frame) Event(n Next) []byte {
	if n == SendReset {
		return f.reset
	}
	return f.advance
}
