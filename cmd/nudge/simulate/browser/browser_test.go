package browser_test

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"nudge/cmd/nudge/simulate/browser"
)

func TestInterval(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	begun := p.now
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	// A longer interval counts at once.
	if e := p.next(browser.Poll); e.Reason != browser.Interval || p.now-begun > 360_000 {
		t.Errorf("the first poll is %v, after %v ms", e, p.now-begun)
	}
	p.answer()
	for range 20 {
		last := p.now
		p.next(browser.Poll)
		if waited := p.now - last; waited < 240_000 || waited > 360_000 {
			t.Errorf("waited %v ms by 300 s", waited)
		}
		p.answer()
	}
	p.hear(browser.Heartbeat, browser.Message{Push: browser.Down, Poll: 10_000, Fast: 10_000, Jitter: 0.2})
	if left := p.Due() - p.now; left < 0 || left > 12_000 {
		t.Errorf("a shorter interval: due in %v ms", left)
	}
	// Drawn once, however often it is said.
	due := p.Due()
	p.hear(browser.Heartbeat, browser.Message{Push: browser.Down, Poll: 10_000, Fast: 10_000, Jitter: 0.2})
	if p.Due() != due {
		t.Error("it is drawn again and again")
	}
	p.next(browser.Poll)
	p.give(browser.Event{Kind: browser.Unpolled, Number: p.find(browser.Poll).Number})
	due = p.Due()
	p.hear(browser.Heartbeat, browser.Message{Fast: 1000, Poll: 1000, Jitter: -1})
	if p.Due() != due {
		t.Error("a poll that failed is retried sooner for a shorter interval")
	}
}

// A fleet whose interval gets shorter comes evenly from the first second on, and in no second more than chance has it:
// whether its pages were somewhere in their intervals, or all have polled for news a moment ago.
func TestNoEcho(t *testing.T) {
	const pages = 3000
	for name, before := range map[string]func(p *page){
		"at rest": func(p *page) { p.pass(3_600_000 * (1 + p.random())) },
		"after news": func(p *page) {
			p.hear(browser.Version, advance(8, 0))
			p.next(browser.Poll)
			p.answer(8)
		},
	} {
		random := rand.New(rand.NewPCG(7, 7)).Float64
		var seconds [100]int
		for range pages {
			p := newPage(t, browser.Options{}, 7)
			p.random = random
			p.prove(healthy(7))
			p.Vouch(true, p.now)
			before(p)
			begun := p.now
			p.hear(browser.Heartbeat, browser.Message{Push: browser.Degraded, Poll: 30_000, Fast: 10_000, Jitter: 0.2})
			p.pass(2000)
			p.hear(browser.Heartbeat, browser.Message{Push: browser.Down, Poll: 10_000, Fast: 10_000, Jitter: 0.2})
			for {
				p.next(browser.Poll)
				second := int((p.now - begun) / 1000)
				if second >= len(seconds) {
					break
				}
				seconds[second]++
				p.answer()
			}
		}
		for i, n := range seconds {
			if n > pages/10+87 || i > 2 && n < pages/10-87 { // 5 √m
				t.Errorf("%s: %d polls in second %d, of %d pages every 10 s", name, n, i, pages)
			}
		}
	}
}

func TestNews(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.next(browser.Poll)
	p.answer()

	p.hear(browser.Version, advance(8, 0))
	if p.Due() != p.now {
		t.Errorf("news without a spread is polled for in %v ms", p.Due()-p.now)
	}
	if e := p.next(browser.Poll); e.Reason != browser.News || p.Projects[0].Want() != 8 {
		t.Errorf("%v, wants %d", e, p.Projects[0].Want())
	}
	p.answer(8)

	// Two of them are at least a second apart.
	last := p.now
	p.pass(100)
	p.hear(browser.Version, advance(9, 0))
	if p.next(browser.Poll); p.now != last+1000 {
		t.Errorf("the next one %v ms later", p.now-last)
	}
	p.answer(9)
	p.pass(2000)

	// The first news fixes the time; what comes while the window lasts is for the next one.
	begun := p.now
	p.hear(browser.Version, advance(10, 4000))
	due := p.Due()
	p.hear(browser.Version, advance(11, 9000))
	if p.Due() != due || due > begun+4000 {
		t.Errorf("due in %v ms, then in %v", due-begun, p.Due()-begun)
	}
	p.next(browser.Poll)
	p.answer(11)
	p.hear(browser.Version, advance(12, 2000))
	if p.Due() < begun+4000 || p.Due() > begun+8000 {
		t.Errorf("after the window's poll: due %v ms after its beginning", p.Due()-begun)
	}
	// Any poll serves.
	p.give(browser.Event{Kind: browser.Refresh})
	if e := p.next(browser.Poll); e.Reason != browser.Wish {
		t.Error(e)
	}
	p.answer(12)
	if p.Due()-p.now < 240_000 {
		t.Errorf("due in %v ms, though it has everything", p.Due()-p.now)
	}
	// What it has already is no news.
	p.hear(browser.Version, advance(12, 0))
	if p.Due()-p.now < 200_000 {
		t.Error("old news is polled for")
	}
}

// Very many pages wait for the end of the same window. What they are to poll for then may have a short spread; all the same they
// must not come right then.
func TestWindowsThatEndTogether(t *testing.T) {
	const pages, spread = 1000, 10_000
	random := rand.New(rand.NewPCG(7, 7)).Float64
	var seconds [11]int
	for range pages {
		p := newPage(t, browser.Options{}, 7)
		p.random = random
		p.prove(healthy(7))
		p.Vouch(true, p.now)
		begun := p.now
		p.hear(browser.Version, advance(8, spread))
		p.give(browser.Event{Kind: browser.Refresh})
		p.next(browser.Poll)
		p.answer(8)
		p.pass(1000)
		p.hear(browser.Version, advance(9, 1000))
		p.next(browser.Poll)
		seconds[max(0, int(p.now-begun-spread)/1000)]++
	}
	for i, n := range seconds {
		if n > pages/5 {
			t.Errorf("%d of %d pages come in second %d after its end", n, pages, i)
		}
	}
}

// News of a small project comes without a spread, and waits for no window.
func TestSmallBesideLarge(t *testing.T) {
	p := newPage(t, browser.Options{}, 7, 3)
	p.prove(healthy(7, 3))
	p.Vouch(true, p.now)
	p.next(browser.Poll)
	p.answer()
	begun := p.now
	p.hear(browser.Version, advance(8, 10_000))
	p.give(browser.Event{Kind: browser.Refresh})
	p.next(browser.Poll)
	p.answer(8, 3)
	p.pass(1000)
	p.hear(browser.Version, advance(9, 10_000)) // for the window that follows
	p.hear(browser.Version, browser.Message{Jitter: -1, Project: 1, Version: 4})
	if e := p.next(browser.Poll); e.Reason != browser.News || p.now != begun+1000 {
		t.Errorf("%v after %v ms", e, p.now-begun)
	}
	p.answer(9, 4)
	p.pass(1000)
	p.hear(browser.Version, advance(10, 10_000))
	if p.next(browser.Poll); p.now < begun+10_000 {
		t.Errorf("the window ended %v ms after its beginning", p.now-begun)
	}
}

func TestHello(t *testing.T) {
	said := func(s browser.Standing, v int64) browser.Message {
		m := healthy()
		m.Said = []browser.Said{{Standing: s, Version: v}}
		return m
	}
	for name, c := range map[string]struct {
		first, then browser.Message
		polls       bool
	}{
		"the same":         {said(browser.Known, 7), said(browser.Known, 7), false},
		"a higher version": {said(browser.Known, 7), said(browser.Known, 8), true},
		"unknown":          {said(browser.Known, 7), said(browser.Unknown, 0), true},
		"a step back":      {said(browser.Known, 7), said(browser.Known, 6), true},
		"it waited":        {said(browser.Unserved, 0), said(browser.Known, 7), true},
		"it waits":         {said(browser.Known, 7), said(browser.Unserved, 0), false},
	} {
		p := newPage(t, browser.Options{}, 7)
		p.prove(c.first)
		p.Vouch(true, p.now)
		p.next(browser.Poll)
		p.answer(7)
		if p.hear(browser.Hello, c.then); (p.Due() <= p.now) != c.polls {
			t.Errorf("%s: due in %v ms", name, p.Due()-p.now)
		}
		if want := (map[bool]browser.Millis{true: 10_000, false: 300_000})[name == "it waits" || name == "a higher version"]; p.Interval() != want {
			t.Errorf("%s: goes by %v ms, want %v", name, p.Interval(), want)
		}
	}
}

func TestGoodbye(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.next(browser.Poll)
	p.answer()
	due := p.Due()
	p.hear(browser.Goodbye, browser.Message{Reason: browser.Drain, After: 1000, Spread: 4000, Jitter: -1})
	begun := p.now
	if !p.Graceful() || p.Interval() != 300_000 {
		t.Errorf("goes by %v ms", p.Interval())
	}
	if p.next(browser.Open); p.now < begun+1000 || p.now > begun+5000 {
		t.Errorf("comes back %v ms later", p.now-begun)
	}
	p.give(browser.Event{Kind: browser.Lost, Number: p.find(browser.Open).Number})
	p.pass(begun + 59_000 - p.now)
	if p.Interval() != 300_000 {
		t.Error("the grace is over too soon")
	}
	p.pass(2000)
	if p.Graceful() || p.Interval() != 10_000 || p.Due() > due {
		t.Errorf("after the grace it goes by %v ms", p.Interval())
	}
}

func TestLoss(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.pass(61_000)
	p.give(browser.Event{Kind: browser.Lost, Number: p.find(browser.Open).Number})
	begun := p.now
	e := p.next(browser.Ask)
	if p.now < begun+250 || p.now > begun+5000 {
		t.Errorf("%v after %v ms", e, p.now-begun)
	}
	m := browser.Message{Push: browser.Healthy, Fast: 20_000, Jitter: 0.2, TTL: 60_000, ConnectAfter: 30_000}
	p.give(browser.Event{Kind: browser.Replied, Number: e.Number, Status: 200, Message: &m})
	asked := p.now
	if p.next(browser.Open); p.now < asked+30_000 || p.now > asked+36_000 {
		t.Errorf("opens %v ms after it was told 30 s", p.now-asked)
	}
	if p.Interval() != 20_000 {
		t.Errorf("goes by %v ms", p.Interval())
	}
	// Refused, it comes back by itself, later each time.
	for range 20 {
		p.give(browser.Event{Kind: browser.Lost, Number: p.find(browser.Open).Number})
		e := p.next(browser.Ask)
		p.give(browser.Event{Kind: browser.Replied, Number: e.Number, Status: 200, Message: &browser.Message{Jitter: -1}})
	}
	p.give(browser.Event{Kind: browser.Lost, Number: p.find(browser.Open).Number})
	begun = p.now
	e = p.next(browser.Ask)
	if p.now-begun > 30_000 {
		t.Errorf("waits %v ms", p.now-begun)
	}
	// Switched off, it asks as long as the terms hold, and no more.
	p.give(browser.Event{Kind: browser.Replied, Number: e.Number, Status: 200, Message: &browser.Message{Push: browser.Off, Jitter: -1}})
	begun = p.now
	if e = p.next(browser.Ask); p.now < begun+60_000 || p.now > begun+72_000 {
		t.Errorf("asks again after %v ms", p.now-begun)
	}
}

func TestSilence(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.pass(200_000)
	if !p.Proven() {
		t.Error("a stream that is vouched for was given up")
	}
	p.Vouch(false, p.now)
	begun := p.now
	for p.Proven() {
		p.now = p.Due()
		p.give(browser.Event{Kind: browser.Tick})
		if p.find(browser.Poll).Number > 0 {
			p.answer()
		}
	}
	if p.now != begun+50_000 {
		t.Errorf("given up after %v ms of silence", p.now-begun)
	}
}

func TestApplicationsWord(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.next(browser.Poll)
	p.give(browser.Event{Kind: browser.Polled, Number: p.find(browser.Poll).Number, RetryAfter: 60_000, PollInterval: 600_000})
	begun := p.now
	if p.Due() < begun+600_000 || p.Due() > begun+720_000 {
		t.Errorf("due in %v ms", p.Due()-begun)
	}
	p.hear(browser.Version, advance(8, 0))
	if p.Due() < begun+60_000 || p.Due() > begun+72_000 {
		t.Errorf("for news: due in %v ms", p.Due()-begun)
	}
}

func TestOldAnswer(t *testing.T) {
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	p.hear(browser.Version, advance(8, 0))
	begun := p.now
	for range 5 {
		p.next(browser.Poll)
		p.answer(7)
	}
	if p.now-begun > 6000 {
		t.Errorf("tried four times in %v ms", p.now-begun)
	}
	begun = p.now
	if e := p.next(browser.Poll); e.Reason != browser.Interval || p.now < begun+8000 {
		t.Errorf("%v after %v ms: a page that is behind goes by the fast interval", e, p.now-begun)
	}
}

func TestMissed(t *testing.T) {
	for told, reports := range map[int64]bool{7: true, 8: false} {
		p := newPage(t, browser.Options{}, 7)
		p.prove(healthy(7))
		p.Vouch(true, p.now)
		p.next(browser.Poll)
		p.answer(8)
		if told == 8 { // news is late, and comes within the grace
			p.pass(1000)
			p.hear(browser.Version, advance(8, 0))
		}
		did := p.pass(4000)
		if reported := len(did) == 1 && did[0] == (browser.Effect{Kind: browser.Report, Version: 8}); reported != reports {
			t.Errorf("announced by then was %d: %v", told, did)
		}
	}
}

// A page is small, and what happens to it makes no garbage.
func TestCost(t *testing.T) {
	if n := unsafe.Sizeof(browser.Browser{}); n > 520 {
		t.Errorf("a page has %d bytes", n)
	}
	p := newPage(t, browser.Options{}, 7)
	p.prove(healthy(7))
	p.Vouch(true, p.now)
	effects := make([]browser.Effect, 0, 16)
	version, tick, polled := advance(7, 0), browser.Event{Kind: browser.Tick}, browser.Event{Kind: browser.Polled, Versions: []int64{0}}
	news := browser.Event{Kind: browser.Heard, Name: browser.Version, Number: p.Streaming(), Message: &version}
	if n := testing.AllocsPerRun(100, func() {
		p.now += 2000
		version.Version++
		effects = p.Reduce(&news, p.now, p.random, effects[:0])
		effects = p.Reduce(&tick, p.now, p.random, effects[:0])
		polled.Number, polled.Versions[0] = effects[0].Number, version.Version
		effects = p.Reduce(&polled, p.now, p.random, effects[:0])
	}); n > 0 {
		t.Errorf("%v allocations for one piece of news", n)
	}
}
