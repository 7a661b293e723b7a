package loop

import (
	"cmp"
	"context"
	"slices"
	"time"

	"nudge/gateway/stream"
)

// A browser that is gone is often unknown to its proxy until that has written to it twice, and three times for Varnish. So
// before a stream makes room, all of its subject are written to. It takes long enough for a page that has opened a new stream to
// close its old one, when the new one is proven.
const (
	checks     = 6
	checkEvery = 500 * time.Millisecond
	// mostWrites bounds how many streams of all subjects are written to in one check, so that nobody else waits for long. Those
	// that are left out come later, or are ended unchecked: no person has so many tabs.
	mostWrites = 4 * slice
)

// Replacer ends the oldest streams of subjects that have too many. First it finds those whose browsers are gone: a page that is
// reloaded must not end the stream of another tab.
type Replacer struct {
	Loops   []*Loop
	Crowds  <-chan struct{}       // has an element when a subject gets too many streams
	Crowded func() map[uint32]int // by how many streams each subject exceeds its limit; the key is the first part of tickets
}

// Run works until ctx ends.
func (p *Replacer) Run(ctx context.Context) error {
	checked := map[uint32]int{} // how often each crowded subject was checked
	for {
		excess := p.Crowded()
		for subject := range checked {
			if excess[subject] == 0 {
				delete(checked, subject)
			}
		}
		if len(excess) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-p.Crowds:
			}
			continue
		}
		found := p.check(ctx, excess)
		left := mostWrites
		for subject, n := range excess {
			if checked[subject]++; checked[subject] > checks {
				left -= replace(found[subject], min(n, left))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(checkEvery):
		}
	}
}

// found is an open stream of a subject.
type found struct {
	loop *Loop
	tag  Tag
}

// check writes to all streams of these subjects, in one pass through the streams of each loop, and returns them.
func (p *Replacer) check(ctx context.Context, subjects map[uint32]int) map[uint32][]found {
	all := map[uint32][]found{}
	for _, l := range p.Loops {
		done := make(chan struct{})
		l.Post(func(now time.Time) {
			l.check(subjects, all, now)
			close(done)
		})
		select {
		case <-done: // before the next loop gets all
		case <-ctx.Done(): // the loops end too, and may not answer
			return nil
		}
	}
	return all
}

func (l *Loop) check(subjects map[uint32]int, all map[uint32][]found, now time.Time) {
	begun := l.written
	for i := uint32(1); i <= l.streams.high; i++ {
		r := l.streams.at(i)
		if r.fd == 0 || r.Stage() >= stream.Closing {
			continue
		}
		subject := r.ticket[0]
		if _, ok := subjects[subject]; !ok {
			continue
		}
		all[subject] = append(all[subject], found{l, Tag{i, r.gen}})
		if l.written-begun < mostWrites {
			l.decide(i, r, stream.Input{Event: stream.FlushDue}, nil, now)
		}
	}
}

// replace ends the n oldest of these streams, and returns how many those are.
func replace(streams []found, n int) int {
	slices.SortFunc(streams, func(a, b found) int { return cmp.Compare(int32(a.tag.Gen-b.tag.Gen), 0) })
	n = min(n, len(streams))
	for _, s := range streams[:n] {
		s.loop.Post(func(now time.Time) { s.loop.replace(s.tag, now) })
	}
	return n
}

// replace says goodbye to a stream. If that cannot be sent at once, the stream ends without.
func (l *Loop) replace(t Tag, now time.Time) {
	if r := l.find(t); r != nil {
		l.decide(t.Index, r, stream.Input{Event: stream.Replaced}, nil, now)
	}
	if r := l.find(t); r != nil && r.Stage() == stream.Closing {
		l.end(t.Index, r, stream.Overload)
	}
}
