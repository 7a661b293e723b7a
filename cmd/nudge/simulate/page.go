package simulate

import (
	"math"

	"nudge/cmd/nudge/simulate/browser"
)

// most is how many projects a page has at most.
const most = 3

// page is one tab.
type page struct {
	browser.Browser
	own     [most]uint32 // its projects, by their numbers in the application
	owns    uint8        // how many of them there are
	streams [2]uint32    // its streams by number; 0: none
	found   [most]int32  // the versions that the poll in flight will return

	visibility visibility
	shown      int32 // since when it is visible
	lastPoll   int32
	took       int32   // how long the application took for the last answer
	failing    bool    // the last poll got no answer
	counted    bool    // as visible,
	pushed     bool    // and as visible with a proven stream
	drawn      float32 // the interval in force when the wait for the next poll was drawn
	worst      float32 // the longest fast interval since it was last up to date,
	spread     float32 // the longest spread since then,
	before     float32 // and in the time before that, whose window may still last
	hides      int32   // until when it stays hidden
}

// projects returns the page's projects, by their numbers in the application.
func (p *page) projects() []uint32 { return p.own[:p.owns] }

// give gives a page w.event, and does the effects that the page returns.
func (w *simulation) give(i uint32) {
	p := &w.pages[i]
	w.effects = p.Reduce(&w.event, float64(w.now()), w.random, w.effects[:0])
	p.worst, p.spread = max(p.worst, float32(p.Fast())), max(p.spread, float32(p.Spread()))
	for _, e := range w.effects {
		w.do(i, p, e)
	}
	w.tally.seen(p)
	w.arm(i, p)
}

// arm sets the page's next tick.
func (w *simulation) arm(i uint32, p *page) {
	if due := p.Due(); due < float64(w.ends) && p.visibility != asleep {
		w.timers.set(w.ofPage(tick, i), int64(math.Ceil(due)))
	} else {
		w.timers.clear(w.ofPage(tick, i))
	}
}

func (w *simulation) happenToPage(kind int, i uint32) {
	p := &w.pages[i]
	switch kind {
	case tick:
		w.event = browser.Event{Kind: browser.Tick}
		w.give(i)
	case answer:
		w.answered(i, p)
	case streamA, streamB:
		w.step(i, p.streams[kind-streamA])
	case reply:
		w.reply(i, p)
	case visibilityTimer:
		w.changeVisibility(i, p)
	}
}

// do does one effect of a page.
func (w *simulation) do(i uint32, p *page, e browser.Effect) {
	switch e.Kind {
	case browser.Open:
		w.open(i, p, e.Number)
	case browser.Close:
		for slot, s := range p.streams {
			if s != 0 && w.streams.at(s).number == e.Number {
				w.close(i, p, slot)
			}
		}
	case browser.Ask:
		w.timers.set(w.ofPage(reply, i), w.now()+2*w.toBrowser())
	case browser.Poll:
		w.poll(i, p, e.Reason)
	case browser.Abort:
		w.giveUp(i, p)
	case browser.Report:
		w.report(i, p, e)
	}
}

// hear gives a page an event of one of its streams.
func (w *simulation) hear(s *stream, name browser.Name, m *browser.Message) {
	w.event = browser.Event{Kind: browser.Heard, Name: name, Number: s.number, Message: m}
	w.give(s.page)
}
