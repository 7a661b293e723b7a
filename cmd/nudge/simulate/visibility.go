package simulate

import (
	"math"

	"nudge/cmd/nudge/simulate/browser"
)

// visibility is whether a page is visible, hidden, asleep or closed.
type visibility uint8

const (
	closed visibility = iota
	visible
	hidden
	asleep // frozen by its browser, or the machine's lid is shut
)

// The average times that a tab stays as it is, in milliseconds. One in five hidden tabs is put to sleep after five minutes.
const (
	staysVisible = 15 * 60_000
	staysHidden  = 30 * 60_000
	staysOpen    = 2 * 3_600_000
	fallsAsleep  = 5 * 60_000
	sleepyShare  = 0.2
)

func (w *simulation) exponential(mean float64) int64 {
	return 1 + int64(math.Min(-math.Log(1-w.random())*mean, 1e8))
}

// changeVisibility does what a user does next with a tab.
func (w *simulation) changeVisibility(i uint32, p *page) {
	stays := int64(0)
	switch {
	case p.visibility == closed:
		w.openTab(i, p)
		stays = w.exponential(staysVisible)
	case p.visibility == visible && w.random() < float64(staysVisible)/staysOpen:
		w.closeTab(i, p)
		stays = 1 + int64(w.random()*2000) // another user opens a tab
	case p.visibility == visible:
		p.visibility = hidden
		w.event = browser.Event{Kind: browser.Hidden}
		w.give(i)
		if stays = w.exponential(staysHidden); stays > fallsAsleep && w.random() < sleepyShare {
			p.hides = int32(w.now() + stays)
			stays = fallsAsleep
		}
	case p.visibility == hidden && int64(p.hides) > w.now():
		w.count(p, -1)
		w.event = browser.Event{Kind: browser.Leave}
		w.give(i)
		p.visibility = asleep
		w.arm(i, p)
		stays = int64(p.hides) - w.now()
	default:
		if p.visibility == asleep {
			w.count(p, 1)
			p.visibility = visible
			w.event = browser.Event{Kind: browser.Back}
			w.give(i)
		}
		p.visibility, p.shown = visible, int32(w.now())
		w.event = browser.Event{Kind: browser.Visible}
		w.give(i)
		stays = w.exponential(staysVisible)
	}
	w.tally.seen(p)
	if !w.o.Settled {
		w.timers.set(w.ofPage(visibilityTimer, i), w.now()+stays)
	}
}

// openTab loads a page with the newest versions of the application.
func (w *simulation) openTab(i uint32, p *page) {
	has := p.Projects
	if has == nil {
		has = make([]browser.Project, p.owns)
	}
	for k, id := range p.projects() {
		has[k] = browser.At(int64(w.projects[id].version))
	}
	p.Browser = browser.New(has, browser.Options{Fast: float64(w.o.Policy.Fast.Milliseconds())})
	p.visibility, p.shown, p.lastPoll = visible, int32(w.now()), int32(w.now())
	p.worst, p.before, p.spread, p.took, p.failing = 0, 0, 0, 0, false
	w.count(p, 1)
	w.event = browser.Event{Kind: browser.Start}
	w.give(i)
	p.drawn = float32(p.Interval())
	p.Vouch(true, float64(w.now())) // the simulation breaks the streams of dead gateways, and all others send heartbeats
}

func (w *simulation) closeTab(i uint32, p *page) {
	w.event = browser.Event{Kind: browser.Leave}
	w.give(i)
	w.count(p, -1)
	p.visibility = closed
	for kind := range visibilityTimer {
		w.timers.clear(w.ofPage(kind, i))
	}
}

// count updates the number of open pages.
func (w *simulation) count(p *page, by int32) {
	w.tally.awake += int(by)
	for _, id := range p.projects() {
		w.projects[id].awake += by
	}
}
