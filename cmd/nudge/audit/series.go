package audit

import "time"

const (
	// gapsKept is how many gaps are looked at together.
	gapsKept = 32
	// breakAfter ends a series: the page was closed.
	breakAfter = 2 * longestInterval * time.Second
)

// series are the requests of one client for one thing, from one look at their rhythm to the next.
type series struct {
	path   *path
	what   uint64 // the thing, by hash
	client uint64 // by hash
	last   int64  // milliseconds since 1970
	size   int64  // of the last answer; −1: unknown
	// quiet is the size of the last two answers that were equal: what the application says if nothing is new.
	quiet int64
	every float64 // the rhythm at the last look; 0: none
	seen  bool    // as pages that poll

	counts
	gaps [gapsKept]float32
	kept int // gaps
}

// counts are requests and answers.
type counts struct {
	requests   int64
	silent     int64 // answered by 304 or 204
	same       int64 // answered by as many bytes as the one before, or as quiet ones
	comparable int64 // answers that may have been the same: 2xx behind another one
	failed     int64 // answered by 4xx or 5xx
	bytes      int64
}

func (c *counts) add(o counts, weight int64) {
	c.requests += weight * o.requests
	c.silent += weight * o.silent
	c.same += weight * o.same
	c.comparable += weight * o.comparable
	c.failed += weight * o.failed
	c.bytes += weight * o.bytes
}

// add takes a request at a time in milliseconds. full: it is time to look.
func (s *series) add(r *Request, at int64) (full bool) {
	if s.last > 0 {
		// Lines are written when answers end, so they may be out of order.
		s.gaps[s.kept] = float32(max(0, at-s.last)) / 1000
		s.kept++
	}
	s.last = max(s.last, at)
	switch {
	case r.Status == 304 || r.Status == 204:
		s.silent++
	case r.Status >= 400 || r.Status == 0:
		s.failed++
	case r.Status >= 200 && r.Status < 300 && r.Bytes >= 0:
		if s.size >= 0 {
			s.comparable++
			if r.Bytes == s.size {
				s.quiet = r.Bytes
			}
			if r.Bytes == s.quiet {
				s.same++
			}
		}
		s.size = r.Bytes
	}
	s.requests++
	s.bytes += max(0, r.Bytes)
	return s.kept == gapsKept
}

// look hands the requests since the last look to the path. A rhythm that is lost for one look, as when a second tab comes or
// goes, counts as polling at the old pace.
func (s *series) look(weight int64) {
	every := rhythm(s.gaps[:s.kept])
	if counted := max(every, s.every); counted > 0 {
		if every > 0 {
			counted = every
		}
		s.path.poll(s, counted, weight)
	} else {
		s.path.others += weight * s.requests
	}
	s.every = every
	s.counts, s.kept = counts{}, 0
}
