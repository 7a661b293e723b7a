package browser

import "math"

// Project is a project of a page: who has which version of it, the page, and what gateways have named.
type Project struct {
	// Have is the version that the page has.
	Have int64
	told int64 // what a gateway last named; negative: nothing

	askedHave, askedWant int64 // of the poll that was asked last; negative: nothing was wanted
	found                int64 // what a safety poll found, until it is judged; negative: nothing

	lacking  uint8 // how many answers in a row lacked what was named
	stands   bool  // what was named still stands
	owed     bool  // a poll is due for it, whatever the numbers say
	unserved bool  // the last hello left it out
}

// At is a project that the page has in this version.
func At(have int64) Project {
	return Project{Have: have, told: -1, askedWant: -1, found: -1}
}

// Mark is what to ask of a gateway for the project: what one last named, else what the page has.
func (p *Project) Mark() int64 {
	if p.told >= 0 {
		return p.told
	}
	return p.Have
}

// Want is what the last poll was asked for at least; negative: nothing.
func (p *Project) Want() int64 { return p.askedWant }

func (p *Project) lags() bool  { return p.stands && p.told > p.Have }
func (p *Project) wants() bool { return p.owed || p.lags() }

func (b *Browser) owes() bool {
	for i := range b.Projects {
		if b.Projects[i].wants() {
			return true
		}
	}
	return false
}

func (b *Browser) behind() bool {
	for i := range b.Projects {
		if b.Projects[i].lags() {
			return true
		}
	}
	return false
}

func (b *Browser) uncovered() bool {
	for i := range b.Projects {
		if b.Projects[i].unserved {
			return true
		}
	}
	return false
}

// greeted takes note of a hello; true if it asks for a poll.
func (b *Browser) greeted(said []Said) bool {
	for i := range b.Projects {
		p := &b.Projects[i]
		s := Said{}
		if i < len(said) {
			s = said[i]
		}
		// Owed: what the gateway cannot vouch for, what may have been missed while it had to wait, and a step back.
		heard, known := s.Standing != Unserved, s.Standing == Known
		p.owed = p.owed || heard && (!known || p.unserved || s.Version < p.told)
		p.unserved = !heard
		p.stands = known || !heard && p.lags()
		if known {
			p.told = s.Version
		}
	}
	return b.owes()
}

// advanced takes note of an advance; true if it asks for a poll.
func (b *Browser) advanced(m *Message) (asks bool) {
	if m.Project >= len(b.Projects) || m.Version < 0 {
		return false
	}
	p := &b.Projects[m.Project]
	if p.stands && m.Version <= p.told && !m.Reset {
		return false
	}
	p.owed = p.owed || m.Reset
	p.told, p.stands = m.Version, true
	return p.wants()
}

// asked takes note of a poll that begins. Nothing is owed after it: should it fail, there will be another.
func (b *Browser) asked() {
	for i := range b.Projects {
		p := &b.Projects[i]
		p.owed, p.askedHave, p.askedWant = false, p.Have, -1
		if p.lags() {
			p.askedWant = p.told
		}
	}
}

const (
	// So many answers in a row that lack what was named are asked again at once,
	quickTries = 4
	// and after so many the page polls ever more rarely for it: the application does not have it.
	ahead = 8
)

// stretch is the factor by which a page that is behind polls more rarely than at the fast interval.
func (b *Browser) stretch() float64 {
	n := 100
	for i := range b.Projects {
		if p := &b.Projects[i]; p.lags() {
			n = min(n, max(0, int(p.lacking)-ahead))
		}
	}
	return math.Ldexp(1, n)
}

// answered takes note of what the poll found. It returns how many answers in a row have been older than what had been announced,
// 0 if this one is not, or if it is no use to ask again at once.
func (b *Browser) answered(versions []int64) (stale int) {
	for i := range b.Projects {
		p := &b.Projects[i]
		version := p.Have
		switch {
		case i < len(versions) && versions[i] >= 0:
			version = versions[i]
		case p.askedWant >= 0:
			version = p.askedWant
		}
		// Below a number that stands it is an old answer; else it is the truth, even if it is a step back.
		if p.stands && version < p.told {
			version = max(p.Have, version)
		}
		p.Have = version
		if version >= p.askedWant {
			p.lacking = 0
			continue
		}
		p.lacking = min(p.lacking+1, 100)
		if p.lacking <= quickTries {
			stale = max(stale, int(p.lacking))
		}
	}
	return stale
}
