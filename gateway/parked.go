package gateway

import (
	"math"
	"time"

	"nudge/fallback"
	"nudge/gateway/auth"
	"nudge/gateway/limits"
)

// parked is a stream without a goroutine: a descriptor, and what must be remembered. Its loop owns it.
type parked struct {
	fd      int32  // 0: nobody is here
	gen     uint32 // tells it from others that had the same index
	seats   uint32 // the first of its seats
	due     uint32 // Unix second in which it ends, for its token or its age; 0: never
	expires uint32 // Unix second at which the token expires; 0: never
	token   auth.Fingerprint
	ticket  limits.Ticket
	bucket  fallback.Bucket
	stage   stage
	why     uint8 // index in reasons of why it ends; before that, of why it will when due
	lag     lag
}

// lag is how far a stream is behind.
type lag uint8

const (
	abreast lag = iota
	behind      // the kernel takes no more: what is still to be sent first is in loop.rest
	missing     // and there was something to tell since: then comes a hello
)

// misses tells whether a stream is behind, and so cannot be told now what there is to tell.
func (p *parked) misses() bool {
	if p.lag == abreast {
		return false
	}
	p.lag = missing
	return true
}

// stage is how far a parked stream is from its end.
type stage uint8

const (
	arriving  stage = iota // not greeted: a project is not listened for yet
	open                   // greeted
	closing                // its goodbye waits until the kernel takes it
	lingering              // all is sent, and counted as ended; the browser has not closed yet
)

// arrival is a connection on its way to a loop.
type arrival struct {
	parked // all but seats, which are made of slots
	slots  []slot
	judged *current // by which the slots were judged
	head   []byte   // of the answer
	more   bool     // more than the request was read
}

// second is a time in a parked stream: half the size, and true until 2106. What is later is as good as never.
func second(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Unix(), 1), math.MaxUint32))
}

// end makes the stream end at a time for a reason, if nothing ends it sooner; zero: never.
func (p *parked) end(at time.Time, why reason) {
	if s := second(at); s != 0 && (p.due == 0 || s < p.due) {
		p.due, p.why = s, why.code()
	}
}

// left is how long the token lives; negative: for ever.
func (p *parked) left(now time.Time) time.Duration {
	if p.expires == 0 {
		return -1
	}
	return max(0, time.Unix(int64(p.expires), 0).Sub(now))
}
