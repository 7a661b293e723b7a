package simulate

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
