package browser_test

import (
	"math/rand/v2"

	"nudge/cmd/nudge/simulate/browser"
)

// page is a browser with a world that does nothing but what a test says. Every effect is noted.
type page struct {
	t failer
	*browser.Browser
	now    browser.Millis
	random func() float64
	did    []browser.Effect
}

// failer is a test, or one case of a property.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newPage(t failer, o browser.Options, haves ...int64) *page {
	projects := make([]browser.Project, len(haves))
	for i, have := range haves {
		projects[i] = browser.At(have)
	}
	b := browser.New(projects, o)
	p := &page{t: t, Browser: &b, now: 1_000_000, random: rand.New(rand.NewPCG(1, 2)).Float64}
	p.give(browser.Event{Kind: browser.Start})
	return p
}

// give gives an event, and returns what is to be done for it.
func (p *page) give(e browser.Event) []browser.Effect {
	before := len(p.did)
	p.did = p.Reduce(&e, p.now, p.random, p.did)
	return p.did[before:]
}

// pass lets time pass, with the ticks that fall into it, and returns what was done. Polls find nothing.
func (p *page) pass(ms browser.Millis) (did []browser.Effect) {
	end := p.now + ms
	for n := 0; p.Due() <= end; n++ {
		if n > 1000 {
			p.t.Fatalf("it is due at %v again and again", p.Due())
		}
		p.now = max(p.now, p.Due())
		for _, e := range p.give(browser.Event{Kind: browser.Tick}) {
			did = append(did, e)
			if e.Kind == browser.Poll {
				p.answer()
			}
		}
	}
	p.now = end
	return did
}

// next lets time pass until the page does something of this kind.
func (p *page) next(kind browser.EffectKind) browser.Effect {
	p.t.Helper()
	for range 1000 {
		if p.Due() == browser.Never {
			break
		}
		p.now = max(p.now, p.Due())
		for _, e := range p.give(browser.Event{Kind: browser.Tick}) {
			if e.Kind == kind {
				return e
			}
		}
	}
	p.t.Fatalf("nothing of the kind %d: %v", kind, p.did)
	return browser.Effect{}
}

func (p *page) find(kind browser.EffectKind) browser.Effect {
	p.t.Helper()
	for i := len(p.did) - 1; i >= 0; i-- {
		if p.did[i].Kind == kind {
			return p.did[i]
		}
	}
	p.t.Fatalf("nothing of the kind %d: %v", kind, p.did)
	return browser.Effect{}
}

// hear gives an event of the newest stream.
func (p *page) hear(name browser.Name, m browser.Message) []browser.Effect {
	return p.give(browser.Event{Kind: browser.Heard, Name: name, Number: p.find(browser.Open).Number, Message: &m})
}

// prove brings the newest stream to its proof.
func (p *page) prove(m browser.Message) {
	p.t.Helper()
	p.hear(browser.Hello, m)
	p.pass(1000)
	p.hear(browser.Heartbeat, m)
	if !p.Proven() {
		p.t.Fatal("the stream is not proven")
	}
}

// answer answers the newest poll.
func (p *page) answer(versions ...int64) {
	p.give(browser.Event{Kind: browser.Polled, Number: p.find(browser.Poll).Number, Versions: versions})
}

// healthy is what a gateway says on a good day, to a page that has these versions.
func healthy(versions ...int64) browser.Message {
	m := browser.Message{
		Push: browser.Healthy, Poll: 300_000, Fast: 10_000, Heartbeat: 25_000, Jitter: 0.2, Version: -1,
	}
	for _, v := range versions {
		m.Said = append(m.Said, browser.Said{Standing: browser.Known, Version: v})
	}
	return m
}

// advance is news of the first project.
func advance(version int64, spread browser.Millis) browser.Message {
	return browser.Message{Jitter: -1, Version: version, Spread: spread}
}
