package faults

import "time"

// record is one scenario as the browsers and the application saw it. All times are since it began.
type record struct {
	probe   time.Duration // between two probes of the gateway
	fault   time.Duration // when the fault was there, or began to come
	repair  time.Duration // when it was over
	end     time.Duration // when the streams were closed by the suite
	streams []stream
	news    []publication // in the order in which they were published; of one project never two at a time
}

// stream is what one stream was told.
type stream struct {
	name     string
	projects []string
	said     []said
}

// said is one event as it arrived.
type said struct {
	at    time.Duration
	event event
	push  string // of hellos and heartbeats

	versions map[string]int64 // of hellos
	unknown  []string
	waiting  []string

	project string // of versions
	version int64
	reset   bool
}

// event is what a stream can be told, or, as ended, what can become of it.
type event string

const (
	hello     event = "hello"
	advance   event = "version"
	heartbeat event = "heartbeat"
	goodbye   event = "goodbye"
	ended     event = "ended"
)

// publication is one attempt to publish a version.
type publication struct {
	project string
	version int64
	reset   bool
	begun   time.Duration
	acked   time.Duration // 0: nobody knows what became of it
	lost    bool          // Redis acknowledged it, and has lost it
}
