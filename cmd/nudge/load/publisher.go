package load

import (
	"context"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// batch is how many advances are published at once when the publisher is late.
	batch = 200
	// publishTime bounds one publish call.
	publishTime = 10 * time.Second
)

// publisher publishes advances of all projects in turn, and remembers which.
type publisher struct {
	layout     layout
	now        func() int64 // µs
	publish    func(context.Context, []Advance) (stale int, err error)
	deliveries *deliveries

	log     [][]int64 // by project, what was published
	turn    int       // the project that is next
	done    int64     // advances
	calls   *hdrhistogram.Histogram
	stale   int64
	failed  int64
	failure error // the first
	late    int64 // µs, the longest time by which a call was late
	dropped int64 // advances that the window stopped waiting for
	began   int64
	ended   int64
	told    func(done int64) // progress; may be nil
}

func newPublisher(l layout, now func() int64, publish func(context.Context, []Advance) (int, error), f *deliveries) *publisher {
	return &publisher{layout: l, now: now, publish: publish, deliveries: f, log: make([][]int64, l.Projects), calls: newHistogram()}
}

// paced publishes at a rate per second, at even times, until ctx ends. It publishes late advances at once and skips none.
func (p *publisher) paced(ctx context.Context, rate float64, duration time.Duration) {
	p.began = p.now()
	defer func() { p.ended = p.now() }()
	total := int64(rate * duration.Seconds())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent := int64(0); sent < total; {
		due := p.began + int64(float64(sent)/rate*1e6)
		timer.Reset(time.Duration(due-p.now()) * time.Microsecond)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := p.now()
		p.late = max(p.late, now-due)
		ready := int64(float64(now-p.began)/1e6*rate) + 1 - sent
		n := min(max(ready, 1), batch, total-sent)
		p.some(ctx, int(n))
		sent += n
	}
	// Wait for the time of the last advance, too.
	timer.Reset(time.Duration(p.began+duration.Microseconds()-p.now()) * time.Microsecond)
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// windowed keeps window advances under way until the duration is over. It stops waiting for one that does not arrive within the
// grace.
func (p *publisher) windowed(ctx context.Context, window int, duration, grace time.Duration) {
	p.began = p.now()
	defer func() { p.ended = p.now() }()
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	for {
		if !p.deliveries.waitBelow(ctx, window, grace) {
			if ctx.Err() != nil {
				return
			}
			p.dropped += int64(p.deliveries.forget(0, p.now()-grace.Microseconds()+1))
		}
		if ctx.Err() != nil || !p.nextWatched() {
			return
		}
		p.some(ctx, 1)
		if p.failure != nil && p.done == 0 { // nothing was ever published
			return
		}
	}
}

// nextWatched goes to the next project that has watchers: for the others there is nothing to wait for.
func (p *publisher) nextWatched() bool {
	for range p.layout.Projects {
		if p.deliveries.watched(p.turn) {
			return true
		}
		p.turn = (p.turn + 1) % p.layout.Projects
	}
	return false
}

// some publishes the next n advances in one call. The end of the run does not cancel a call that has begun.
func (p *publisher) some(ctx context.Context, n int) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), publishTime)
	defer stop()
	advances := make([]Advance, n)
	projects := make([]int, n)
	now := p.now()
	for i := range advances {
		projects[i] = p.turn
		v := now
		if log := p.log[p.turn]; len(log) > 0 {
			v = max(v, log[len(log)-1]+1)
		}
		advances[i] = Advance{p.layout.name(p.turn), v}
		p.log[p.turn] = append(p.log[p.turn], v)
		p.deliveries.add(p.turn, v)
		p.turn = (p.turn + 1) % p.layout.Projects
	}
	stale, err := p.publish(ctx, advances)
	record(p.calls, p.now()-now)
	if err != nil {
		p.failed += int64(n)
		if p.failure == nil {
			p.failure = err
		}
		for i := n - 1; i >= 0; i-- { // some may have been stored nevertheless; no stream counts as lost for them
			p.log[projects[i]] = p.log[projects[i]][:len(p.log[projects[i]])-1]
		}
		p.deliveries.forget(now, math.MaxInt64)
		return
	}
	p.stale += int64(stale)
	p.done += int64(n)
	if p.told != nil {
		p.told(p.done)
	}
}
