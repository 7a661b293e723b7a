package browser

// News may be as late as this, or twice this, before it counts as missed; after a report the page is silent for a while.
const auditGrace, auditQuiet = 2000, 300_000

// examine keeps the versions that a poll by interval found: a little later push should have announced them. What is found
// before that is not judged.
func (t *turn) examine() {
	if t.audit != Never {
		return
	}
	at := t.now + stretched(t.random, auditGrace, 1)
	for i := range t.Projects {
		p := &t.Projects[i]
		p.found = -1
		if p.Have > p.askedHave {
			p.found, t.audit = p.Have, at
		}
	}
}

// judge reports versions that push has missed.
func (t *turn) judge() {
	if !t.trusted() || t.now < t.quiet {
		return
	}
	for i := range t.Projects {
		p := &t.Projects[i]
		if p.found < 0 || p.unserved || p.told >= p.found {
			continue
		}
		t.quiet = t.now + auditQuiet
		t.do(Effect{Kind: Report, Project: i, Version: p.found})
	}
}
