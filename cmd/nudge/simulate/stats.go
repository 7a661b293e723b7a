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

	awake   int         // pages that are open and not asleep
	seconds []second    // since the simulation began
	now     second      // the present one
	most    int         // pages awake at once in it
	stale   histogram   // in milliseconds, from commit to page
	stales  []histogram // the same, by phase
	small   histogram   // the same, of projects with few watchers
	beyond  histogram   // the same, less the spread of the news
	twice   float64     // the most by which an age was above twice that spread
	late    int         // pages that learnt later than promise 1 allows
	latest  float64     // the most by which one was late, in milliseconds
	early   int         // interval polls sooner than the interval allows
	vain    int         // polls for news that found nothing
	causes  [8]int
	reports int
	faults  int

	plainEmpty [len(plain)]float64 // polls that find nothing, and all, of plain polling
	plainAll   [len(plain)]float64
}

// second is what the application got in one second.
type second struct {
	polls, empty, news, extra int32   // news: caused by news; extra: early or vain
	most                      float32 // what promise 2 allows
}

func newTally(w *simulation) *tally {
	return &tally{w: w, seconds: make([]second, 0, w.ends/1000+1), stales: make([]histogram, 1)}
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

// learnt notes that a page gets a version that was committed at this time.
func (t *tally) learnt(p *page, project *project, commit int64) {
	if !t.measuring() || commit < t.w.begun {
		return
	}
	if age := float64(t.w.now() - max(commit, int64(p.shown))); p.visibility == visible {
		spread := p.announced()
		t.stale.add(age)
		t.stales[len(t.stales)-1].add(age)
		if project.awake < few {
			t.small.add(age)
		}
		t.beyond.add(age - spread)
		t.twice = max(t.twice, age-2*spread)
		t.check(p, age)
	}
}

// announced returns the longest spread that came with the news which the page has just learnt.
func (p *page) announced() float64 {
	return max(float64(p.before), float64(p.spread), p.Spread(), p.Window())
}

// check compares an age with promise 1.
func (t *tally) check(p *page, age float64) {
	policy := &t.w.o.Policy
	bound := 2*float64(policy.Heartbeat.Milliseconds()) + (1+policy.Jitter)*float64(max(p.worst, float32(p.Fast()))) +
		2*p.announced() + float64(t.w.o.Latency.Milliseconds())
	if age > bound {
		t.late++
		t.latest = max(t.latest, age-bound)
	}
}

// finish counts pages that have not learnt a version at the end.
func (t *tally) finish() {
	for i := range t.w.pages {
		p := &t.w.pages[i]
		if p.visibility != visible {
			continue
		}
		for k, id := range p.projects() {
			if have := p.Projects[k].Have; int64(t.w.projects[id].version) > have {
				if commit := int64(t.w.projects[id].commits[have]); commit >= t.w.begun {
					t.check(p, float64(t.w.now()-max(commit, int64(p.shown))))
				}
			}
		}
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
