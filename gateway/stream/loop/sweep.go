package loop

import "time"

// sweep visits all streams of a loop, one after the other, evenly over some time: for heartbeats, goodbyes, or a change of
// the flag. It needs no state for each stream: the stream with index i is visited when i/high of the time is over. A stream
// that arrives meanwhile is visited later in this sweep or in the next one. The time between two visits of a stream is never
// longer than one sweep.
type sweep struct {
	running bool
	at      uint32    // the last index that was visited
	share   float64   // of the time that is over, 0 to 1
	last    time.Time // when share was updated
}

func (s *sweep) begin(now time.Time) { *s = sweep{running: true, last: now} }

// due returns the last index to visit by now, if a sweep over the indices up to high takes over.
func (s *sweep) due(now time.Time, high uint32, over time.Duration) uint32 {
	if over <= 0 {
		s.share = 1
	} else {
		s.share += float64(now.Sub(s.last)) / float64(over)
		if s.share > 1-1e-9 { // sums of fractions have rounding errors
			s.share = 1
		}
	}
	s.last = now
	return uint32(s.share * float64(high))
}

// done reports whether the time is over and all indices up to high were visited.
func (s *sweep) done(high uint32) bool { return s.running && s.share >= 1 && s.at >= high }

// next returns when a stream is due. Streams that are due within one tick are visited together, but none after the end.
func (s *sweep) next(high uint32, over time.Duration) time.Time {
	end := s.last.Add(time.Duration((1-s.share)*float64(over)) + 1)
	if high == 0 || s.at >= high {
		return end
	}
	left := float64(s.at+1)/float64(high) - s.share
	at := s.last.Add(max(tick, time.Duration(left*float64(over))))
	if at.After(end) {
		return end
	}
	return at
}
