package audit

import "time"

const (
	// gapsKept is how many gaps of a series are kept to find its rhythm: the newest.
	gapsKept = 32
	// breakAfter ends a series: the page was closed.
	breakAfter = 2 * longestInterval * time.Second
)

// series are the requests of one client for one thing.
type series struct {
	path        *path
	what        uint64 // the thing, by hash
	client      uint64 // by hash
	first, last int64  // milliseconds since 1970
	n           int    // requests
	silent      int    // answered by 304 or 204
	same        int    // answered by as many bytes as the one before, or as the last two that were equal
	failed      int    // answered by 4xx or 5xx
	comparable  int    // answers that may have been the same: 2xx behind another one
	bytes       int64
	size        int64 // of the last answer; −1: unknown
	quiet       int64 // of the last two that were equal: what the application says if nothing is new
	gaps        [gapsKept]float32
}

// add takes a request at a time in milliseconds.
func (s *series) add(r *Request, at int64) {
	if s.n > 0 {
		gap := max(0, at-s.last) // lines are written when answers end, so they may be out of order
		s.gaps[(s.n-1)%gapsKept] = float32(gap) / 1000
	} else {
		s.first = at
	}
	s.last = max(s.last, at)
	switch {
	case r.Status == 304 || r.Status == 204:
		s.silent++
	case r.Status >= 400 || r.Status == 0:
		s.failed++
	case r.Status >= 200 && r.Status < 300:
		if s.size >= 0 && s.n > 0 && r.Bytes >= 0 {
			s.comparable++
			if r.Bytes == s.size {
				s.quiet = s.size
			}
			if r.Bytes == s.quiet {
				s.same++
			}
		}
		s.size = r.Bytes
	}
	s.n++
	s.bytes += max(0, r.Bytes)
}

// lately returns the kept gaps, oldest first.
func (s *series) lately(buffer []float32) []float32 {
	gaps := s.n - 1
	if gaps <= gapsKept {
		return append(buffer[:0], s.gaps[:max(0, gaps)]...)
	}
	at := gaps % gapsKept
	return append(append(buffer[:0], s.gaps[at:]...), s.gaps[:at]...)
}
