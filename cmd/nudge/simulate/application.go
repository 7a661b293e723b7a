package simulate

import "nudge/cmd/nudge/simulate/browser"

// plan schedules the next change of a project.
func (w *simulation) plan(i uint32) {
	p := &w.projects[i]
	if p.rate <= 0 {
		return
	}
	wait := w.exponential(1000 / p.rate)
	if every := w.o.every(); every > 0 && i == 0 {
		wait = every
	}
	if due := w.now() + wait; due < w.ends {
		w.timers.set(w.ofProject(advance, i), due)
	}
}

// advance is a change of a project: committed, then published.
func (w *simulation) advance(i uint32) {
	p := &w.projects[i]
	w.tally.advanced(p)
	p.version++
	p.commits = append(p.commits, int32(w.now()))
	w.plan(i)
	if w.redis.down {
		return
	}
	p.stored = p.version
	if n := w.ofProject(deliver, i); w.timers.items[n].due == 0 {
		w.timers.set(n, w.now()+toRedis+writing+w.toBrowser())
	}
}

// deliver brings news of a project to the gateways that listen.
func (w *simulation) deliver(i uint32) {
	if w.redis.down {
		return
	}
	for _, g := range w.gateways {
		if g.alive && g.connected && g.reaches() {
			g.message(i, w.projects[i].stored)
		}
	}
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
	w.timers.set(w.ofPage(answer, i), w.now()+w.o.Latency.Milliseconds())
}

// answered handles the application's answer to a poll.
func (w *simulation) answered(i uint32, p *page) {
	versions := w.found[:0]
	for k, id := range p.projects() {
		versions = append(versions, int64(p.found[k]))
		if have := p.Projects[k].Have; int64(p.found[k]) > have {
			w.tally.learnt(p, &w.projects[id], int64(w.projects[id].commits[have]))
		}
	}
	w.event = browser.Event{Kind: browser.Polled, Number: p.Polls(), Versions: versions}
	p.worst, p.before, p.spread = 0, p.spread, 0
	w.give(i)
	p.drawn = float32(p.Interval())
}
