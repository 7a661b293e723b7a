package simulate

import "nudge/cmd/nudge/simulate/browser"

// application answers the polls one after the other, in the order in which they come. So its answers get slower as more polls
// come than it has capacity for. An application seldom notices that a page has given up, so it also answers these polls.
type application struct {
	capacity float64 // polls per second; 0: no limit
	latency  float64 // of an answer, without the time that the poll waits
	free     float64 // when all polls that have come will be done
}

// answers returns when a poll that comes now is answered.
func (a *application) answers(now float64) float64 {
	if a.capacity == 0 {
		return now + a.latency
	}
	a.free = max(a.free, now) + 1000/a.capacity
	return a.free + a.latency
}

// poll handles a poll that reaches the application.
func (w *simulation) poll(i uint32, p *page, why browser.Cause) {
	finds := false
	for k, id := range p.projects() {
		p.found[k] = w.projects[id].version
		finds = finds || int64(p.found[k]) > p.Projects[k].Have
	}
	w.tally.polled(p, why, finds)
	p.lastPoll = int32(w.now())
	at := int64(w.application.answers(float64(w.now())))
	w.tally.now.slowest = max(w.tally.now.slowest, int32(at-w.now()))
	w.timers.set(w.ofPage(answer, i), at)
}

// answered handles the application's answer to a poll.
func (w *simulation) answered(i uint32, p *page) {
	took := int32(w.now()) - p.lastPoll
	w.tally.answered(took)
	versions := w.found[:0]
	for k, id := range p.projects() {
		versions = append(versions, int64(p.found[k]))
		if have := p.Projects[k].Have; int64(p.found[k]) > have {
			w.tally.learnt(p, &w.projects[id], int64(w.projects[id].commits[have]), took)
		}
	}
	w.event = browser.Event{Kind: browser.Polled, Number: p.Polls(), Versions: versions}
	p.worst, p.before, p.spread, p.took, p.failing = 0, p.spread, 0, took, false
	w.give(i)
	p.drawn = float32(p.Interval())
}

// giveUp handles a poll that the page does not wait for any longer.
func (w *simulation) giveUp(i uint32, p *page) {
	w.timers.clear(w.ofPage(answer, i))
	w.tally.gaveUp(int32(w.now()) - p.lastPoll)
	p.failing = true
}
