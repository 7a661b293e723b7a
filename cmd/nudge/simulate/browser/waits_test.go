package browser_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"nudge/cmd/nudge/simulate/browser"
)

// Whatever interval gateways name, and however often they change it, a page waits for no longer than the longest of those in
// force since its last poll, and its jitter; and for no less than the interval, if that has not changed.
func TestWaits(t *testing.T) {
	const jitter, fast = 0.2, 10_000.0
	rapid.Check(t, func(t *rapid.T) {
		p := newPage(t, browser.Options{}, 7)
		p.random = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Float64
		p.prove(healthy(7))
		p.Vouch(true, p.now)
		last, longest, changed := p.now, 300_000.0, true
		polled := func() {
			wait := p.now - last
			if wait > (1+jitter)*longest+1 {
				t.Fatalf("%v ms without a poll, at intervals up to %v ms", wait, longest)
			}
			if !changed && wait < (1-jitter)*longest-1 {
				t.Fatalf("a poll after %v ms, at an interval of %v ms", wait, longest)
			}
			p.answer()
			last, longest, changed = p.now, p.Interval(), false
		}
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			m := healthy()
			m.Push = rapid.SampledFrom([]browser.Push{browser.Healthy, browser.Degraded, browser.Down}).Draw(t, "push")
			m.Poll = rapid.SampledFrom([]float64{fast, 11_000, 30_000, 53_000, 300_000, 900_000}).Draw(t, "poll")
			p.hear(browser.Heartbeat, m)
			if now := p.Interval(); now != longest {
				changed, longest = true, max(longest, now)
			}
			end := p.now + rapid.OneOf(rapid.Float64Range(0, 2000), rapid.Float64Range(0, 400_000)).Draw(t, "for")
			for p.Due() <= end {
				if !(p.Due() >= 0) {
					t.Fatalf("due at %v", p.Due())
				}
				p.now = max(p.now, p.Due())
				for _, e := range p.give(browser.Event{Kind: browser.Tick}) {
					if e.Kind == browser.Poll {
						polled()
					}
				}
			}
			p.now = end
		}
	})
}
