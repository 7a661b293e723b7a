package gateway

import "time"

// round visits all streams of a loop, one after the other, evenly over some time: heartbeats, goodbyes, a
// change of the flag. It needs no state for a stream but its index: whoever has index i is visited when i/high of
// the time is over. Streams may come and go meanwhile; one that comes is visited later in this round, or in
// its place in the next, so between two visits never lies more than the time of one round.
type round struct {
	running bool
	at      uint32  // the last index that was visited
	share   float64 // of the round's time that is over
	last    time.Time
}

func (r *round) begin(now time.Time) { *r = round{running: true, last: now} }

// due is the last index that is to be visited by now, in a round over all indices up to high that takes so long.
func (r *round) due(now time.Time, high uint32, over time.Duration) uint32 {
	if over <= 0 {
		r.share = 1
	} else {
		r.share = min(1, r.share+float64(now.Sub(r.last))/float64(over))
	}
	r.last = now
	return uint32(r.share * float64(high))
}

// next is when due grows by one at the earliest.
func (r *round) next(high uint32, over time.Duration) time.Time {
	if high == 0 {
		return r.last.Add(over)
	}
	left := float64(r.at+1)/float64(high) - r.share
	return r.last.Add(time.Duration(left * float64(over)))
}
