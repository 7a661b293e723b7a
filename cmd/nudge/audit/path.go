package audit

import "slices"

// path is what is known of all requests of one shape, such as /projects/:id/changes?since=.
type path struct {
	name     string
	requests int64 // of all clients, read or not
	last     int64 // second of the newest request
	rates    [secondsKept]int32
	peak     int32    // requests in one second, at most
	over     timeline // all requests

	// Of the series of clients that are followed, and that have a rhythm.
	polls, silent, same, comparable, failed, bytes int64
	pageSeconds                                    float64
	series                                         int64
	others                                         int64 // requests without a rhythm
	intervals                                      []interval
	things                                         map[uint64]struct{} // what is polled for, by hash; bounded
}

const (
	// secondsKept is by how much lines may be out of order, for the peak.
	secondsKept = 64
	// thingsKept bounds the projects that are told apart.
	thingsKept = 100_000
	// intervalsKept bounds the intervals of which the median is taken.
	intervalsKept = 10_000
)

// interval is that of one series, with its weight.
type interval struct {
	every float64
	polls int64
}

// count counts a request in its second.
func (p *path) count(second int64) {
	p.requests++
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

// close takes a series that has ended. It stands for so many others, whose clients are not followed.
func (p *path) close(s *series, weight int64, gaps []float32) {
	every, pages := rhythm(s.lately(gaps))
	if pages == 0 {
		p.others += weight * int64(s.n)
		return
	}
	p.series += weight
	p.polls += weight * int64(s.n)
	p.silent += weight * int64(s.silent)
	p.same += weight * int64(s.same)
	p.comparable += weight * int64(s.comparable)
	p.failed += weight * int64(s.failed)
	p.bytes += weight * s.bytes
	p.pageSeconds += float64(weight) * float64(pages) * (float64(s.last-s.first)/1000 + every)
	if len(p.intervals) < intervalsKept {
		p.intervals = append(p.intervals, interval{every, weight * int64(s.n)})
	}
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
