package replay

import "nudge/cmd/nudge/simulate/browser"

// promises is what a page keeps to check the promises, by the rules of the simulator.
type promises struct {
	pollAt int     // the second in which the last poll was due
	last   float64 // when that was
	drawn  float64 // the interval in force when the wait for the next one was drawn
	why    browser.Cause
	worst  float64 // the longest fast interval since the page was last up to date,
	spread float64 // the longest spread since then,
	before float64 // and in the time before that, whose window may still last
}

func (p *page) begin(now float64) { p.last, p.due = now, now }

// told notes what gateways say.
func (p *page) told() { p.worst, p.spread = max(p.worst, p.Fast()), max(p.spread, p.Spread()) }

// polls notes a poll that begins. It counts in the second in which it was due. Else what the promise of that second is held against
// would be how busy this machine is: polls that wait for the processor together arrive together.
func (p *page) polls(why browser.Cause) {
	now := p.crowd.now()
	early := why == browser.Interval && p.Hastened() && now-p.last < (1-p.crowd.Policy.Jitter)*p.drawn-1
	p.pollAt, p.last, p.why = int(p.due/1000), now, why
	p.crowd.stats.polls(p.pollAt, why, early)
}

// learn measures how old what a poll brings is, and whether it came too late.
func (p *page) learn(now float64, versions []int64) {
	finds := false
	for i, n := range p.numbers {
		have := p.Projects[i].Have
		if i >= len(versions) || versions[i] <= have {
			continue
		}
		finds = true
		if at, made := p.crowd.app.madeAfter(n, have); made {
			p.crowd.stats.learnt(now-at, p.announced(), p.bound())
		}
	}
	if p.why == browser.News && !finds {
		p.crowd.stats.vain(p.pollAt)
	}
	p.worst, p.before, p.spread = 0, p.spread, 0
}

// announced is the longest spread that what the page has just learnt may have been told with.
func (p *page) announced() float64 { return max(p.before, p.spread, p.Spread(), p.Window()) }

// bound is how old news may be, by promise 1.
func (p *page) bound() float64 {
	o := &p.crowd.Policy
	return 2*millis(o.Heartbeat) + (1+o.Jitter)*max(p.worst, p.Fast()) + 2*p.announced() + millis(p.crowd.Latency)
}

// finish looks for what the page has still not learnt in the end.
func (p *page) finish() {
	for i := range p.Projects {
		if at, made := p.crowd.app.madeAfter(p.numbers[i], p.Projects[i].Have); made {
			p.crowd.stats.missed(millis(p.crowd.Play.Length)-at, p.bound())
		}
	}
}
