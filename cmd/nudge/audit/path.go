package audit

import "slices"

// path is what is known of all requests of one shape, such as /projects/:id/changes?since=.
type path struct {
	name  string
	all   int64 // requests of all clients, followed or not
	last  int64 // second of the newest request
	rates [secondsKept]int32
	peak  int32    // requests in one second, at most
	over  timeline // all requests

	// Of the clients that are followed:
	counts                          // of requests with a rhythm
	others      int64               // requests without one
	pageSeconds float64             // the time for which pages polled, all together
	pages       int64               // that polled
	intervals   []interval          // of looks
	things      map[uint64]struct{} // what is polled for, by hash
}

const (
	// secondsKept is by how much lines may be out of order, for the peak.
	secondsKept = 64
	// thingsKept bounds the projects that are told apart.
	thingsKept = 100_000
	// intervalsKept bounds the intervals of which the median is taken.
	intervalsKept = 10_000
)

// interval is that of one look at a series, with its weight.
type interval struct {
	every float64
	polls int64
}

// count counts a request in its second.
func (p *path) count(second int64) {
	p.all++
	p.over.add(second)
	if second > p.last {
		for s := max(p.last+1, second-secondsKept+1); s <= second; s++ {
			p.rates[s%secondsKept] = 0
		}
		p.last = second
	}
	if p.last-second < secondsKept {
		p.rates[second%secondsKept]++
		p.peak = max(p.peak, p.rates[second%secondsKept])
	}
}

// poll takes the requests of a series that polls every so many seconds. It stands for so many others, which are not followed.
func (p *path) poll(s *series, every float64, weight int64) {
	p.add(s.counts, weight)
	p.pageSeconds += float64(weight*s.requests) * every
	if len(p.intervals) < intervalsKept {
		p.intervals = append(p.intervals, interval{every, weight * s.requests})
	}
	if s.seen {
		return
	}
	s.seen = true
	p.pages += weight
	if p.things == nil {
		p.things = map[uint64]struct{}{}
	}
	if len(p.things) < thingsKept {
		p.things[s.what] = struct{}{}
	}
}

// every returns the usual interval: that of the poll in the middle.
func (p *path) every() float64 {
	slices.SortFunc(p.intervals, func(a, b interval) int {
		switch {
		case a.every < b.every:
			return -1
		case a.every > b.every:
			return 1
		}
		return 0
	})
	var all int64
	for _, i := range p.intervals {
		all += i.polls
	}
	for _, i := range p.intervals {
		if all -= 2 * i.polls; all <= 0 {
			return i.every
		}
	}
	return 0
}
