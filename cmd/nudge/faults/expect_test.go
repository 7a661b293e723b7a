package faults

import "time"

// expect is what a scenario demands beside what holds for all of them.
type expect struct {
	push   push          // what every stream must have been told of the fault
	within time.Duration // after the repair: until everything missed is known
	hello  bool          // every project concerned needs a new hello, with unknown or something newer
	// concerns are the projects that may be late; nil: all.
	concerns []string
}

// push is how bad the gateway must have admitted that it is.
type push uint8

const (
	anyPush  push = iota // perhaps it was well again before there was anything to tell
	degraded             // or down
	down
)

// told tells whether a stream that was told this push state knows enough.
func (p push) told(state string) bool {
	return state == "down" || state == "degraded" && p != down
}

const (
	// prompt is how long news may take from its acknowledgement to the last stream while nothing is wrong.
	prompt = 2 * time.Second
	// tellAll is how long a change of cadence may take to the last stream.
	tellAll = 2 * time.Second
	// echoes is how many must come back in a row after an outage.
	echoes = 5
)

// truth is how long a fault may be unknown to a stream, by the protocol's third promise.
func (r *record) truth() time.Duration { return 2*r.probe + 3*time.Second }

// healthy is how long after the repair a stream may be told for the last time that push is not healthy.
func (r *record) healthy(x expect) time.Duration { return x.within + (echoes+1)*r.probe + tellAll }
