package simulate

// learnt notes that a page gets a version that was committed at this time, with an answer that took this long.
func (t *tally) learnt(p *page, project *project, commit int64, took int32) {
	if !t.measuring() || commit < t.w.begun {
		return
	}
	if age := float64(t.w.now() - max(commit, int64(p.shown))); p.visibility == visible {
		spread := p.announced()
		t.stale.add(age)
		t.present().stale.add(age)
		if project.awake < few {
			t.small.add(age)
		}
		t.beyond.add(age - spread)
		t.twice = max(t.twice, age-2*spread)
		t.check(p, age, took)
	}
}

// announced returns the longest spread that came with the news which the page has just learnt.
func (p *page) announced() float64 {
	return max(float64(p.before), float64(p.spread), p.Spread(), p.Window())
}

// check compares an age with promise 1, which is for an application that answers. Besides the time of the answer itself, the page
// may have waited for the answer before, to a poll that had begun too early.
func (t *tally) check(p *page, age float64, took int32) {
	if p.failing {
		return
	}
	policy := &t.w.o.Policy
	bound := 2*float64(policy.Heartbeat.Milliseconds()) + (1+policy.Jitter)*float64(max(p.worst, float32(p.Fast()))) +
		2*p.announced() + float64(p.took) + float64(took)
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
		waited := int32(0) // for the poll in flight
		if t.w.timers.items[t.w.ofPage(answer, uint32(i))].due != 0 {
			waited = int32(t.w.now()) - p.lastPoll
		}
		for k, id := range p.projects() {
			if have := p.Projects[k].Have; int64(t.w.projects[id].version) > have {
				if commit := int64(t.w.projects[id].commits[have]); commit >= t.w.begun {
					t.check(p, float64(t.w.now()-max(commit, int64(p.shown))), waited)
				}
			}
		}
	}
}
