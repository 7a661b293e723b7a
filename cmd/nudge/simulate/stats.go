package simulate

import (
	"math"

	"nudge/cmd/nudge/simulate/browser"
)

// few: a small project has fewer pages than this.
const few = 10

// plain are the intervals of plain polling that Nudge is compared with, in seconds.
var plain = [...]float64{3, 10, 30}

// tally counts.
type tally struct {
	w *simulation

	awake   int      // pages that are open and not asleep
	shown   int      // pages that are visible,
	pushed  int      // and these with a proven stream
	seconds []second // since the simulation began
	now     second   // the present one
	most    int      // pages awake at once in it
	phases  []phaseTally
	stale   histogram // in milliseconds, from commit to page
	answers histogram // in milliseconds, that the application took
	failed  int       // polls that pages gave up
	small   histogram // the same, of projects with few watchers
	beyond  histogram // the same, less the spread of the news
	twice   float64   // the most by which an age was above twice that spread
	late    int       // pages that learnt later than promise 1 allows
	latest  float64   // the most by which one was late, in milliseconds
	early   int       // interval polls sooner than the interval allows
	vain    int       // polls for news that found nothing
	causes  [8]int
	reports int
	faults  int

	plainEmpty [len(plain)]float64 // polls that find nothing, and all, of plain polling
	plainAll   [len(plain)]float64
}

// phaseTally counts in one phase.
type phaseTally struct {
	stale, answers histogram // in milliseconds
	shown, pushed  float64   // pages, summed up over its seconds
}

// second is what the application got in one second.
type second struct {
	polls, empty, news, extra int32   // news: caused by news; extra: early or vain
	slowest                   int32   // the longest time that an answer takes, in milliseconds
	most                      float32 // what promise 2 allows
}

func newTally(w *simulation) *tally {
	return &tally{w: w, seconds: make([]second, 0, w.ends/1000+1), phases: make([]phaseTally, 1)}
}

func (t *tally) phase() { t.phases = append(t.phases, phaseTally{}) }

func (t *tally) present() *phaseTally { return &t.phases[len(t.phases)-1] }

// seen counts whether a page is visible and has push.
func (t *tally) seen(p *page) {
	shown := p.visibility == visible
	pushed := shown && p.Proven()
	t.shown += toInt(shown) - toInt(p.counted)
	t.pushed += toInt(pushed) - toInt(p.pushed)
	p.counted, p.pushed = shown, pushed
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *tally) measuring() bool { return t.w.now() >= t.w.begun }

// second ends the present second.
func (t *tally) second() {
	o := &t.w.o.Policy
	m := o.Budget
	n := float64(max(t.most, t.awake))
	if m <= 0 {
		m = max(50, n/o.Fast.Seconds())
	}
	m = max(m, n/o.Longest.Seconds())
	t.now.most = float32(m + 5*math.Sqrt(m))
	t.seconds = append(t.seconds, t.now)
	if t.measuring() {
		t.present().shown += float64(t.shown)
		t.present().pushed += float64(t.pushed)
		for k, every := range plain {
			t.plainAll[k] += float64(t.awake) / every
		}
	}
	t.now, t.most = second{}, t.awake
}

func (t *tally) polled(p *page, why browser.Cause, finds bool) {
	t.now.polls++
	t.most = max(t.most, t.awake)
	if !finds {
		t.now.empty++
	}
	if why == browser.News {
		t.now.news++
	}
	if !t.measuring() {
		return
	}
	t.causes[why]++
	switch {
	case why == browser.News && !finds:
		t.vain++
		t.now.extra++
	case why == browser.Interval && p.Hastened() &&
		float64(t.w.now()-int64(p.lastPoll)) < (1-t.w.o.Policy.Jitter)*float64(p.drawn)-1:
		t.early++
		t.now.extra++
	}
}

// answered counts an answer, and gaveUp a poll that got none in time.
func (t *tally) answered(took int32) {
	if t.measuring() {
		t.answers.add(float64(took))
		t.present().answers.add(float64(took))
	}
}

func (t *tally) gaveUp(after int32) {
	if t.measuring() {
		t.failed++
		t.answered(after)
	}
}

// advanced counts the polls of plain polling that would find an advance.
func (t *tally) advanced(p *project) {
	if !t.measuring() {
		return
	}
	gap := math.Inf(1)
	if n := len(p.commits); n > 0 {
		gap = float64(t.w.now()-int64(p.commits[n-1])) / 1000
	}
	for k, every := range plain {
		t.plainEmpty[k] -= float64(p.awake) * min(gap/every, 1)
	}
}

// histogram counts durations in milliseconds, exact to 1 %.
type histogram struct {
	counts  [2000]int
	n       int
	longest float64
}

func (h *histogram) add(ms float64) {
	h.n++
	h.longest = max(h.longest, ms)
	h.counts[min(len(h.counts)-1, int(100*math.Log1p(max(ms, 0))))]++
}

// at returns the value that this share of the durations is below.
func (h *histogram) at(share float64) float64 {
	left := int(math.Ceil(share * float64(h.n)))
	for i, n := range h.counts {
		if left -= n; left <= 0 {
			return min(h.longest, math.Expm1(float64(i+1)/100))
		}
	}
	return h.longest
}
