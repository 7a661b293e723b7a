package simulate

import (
	"time"

	"nudge/cmd/nudge/simulate/browser"
	"nudge/fallback"
	"nudge/gateway/limits"
)

// This file holds what a gateway sends to its streams, and its answers to pages.

// watcher is a stream and one of its page's projects, in one number.
type watcher uint32

const watcherShift = 2 // room for the number of a project

func (w watcher) stream() uint32 { return uint32(w >> watcherShift) }
func (w watcher) project() int   { return int(w & (1<<watcherShift - 1)) }

// join adds a stream to the gateway and to its projects' watchers.
func (g *gateway) join(id uint32) {
	s := g.w.streams.at(id)
	p := &g.w.pages[s.page]
	s.gateway, s.stage, s.at = int32(g.index), arriving, uint32(len(g.streams))
	g.streams = append(g.streams, id)
	waits := false
	for k, project := range p.projects() {
		s.places[k] = uint32(len(g.watchers[project]))
		g.watchers[project] = append(g.watchers[project], watcher(id<<watcherShift|uint32(k)))
		if g.watched[project].index == 0 {
			g.watch(project)
		}
		waits = waits || !g.state(project).Listening
	}
	if waits {
		g.w.timers.set(g.w.ofPage(streamA+int(s.slot), s.page), g.w.now()+helloMost)
		return
	}
	g.sendHello(id)
}

// leaveGateway removes a stream.
func (g *gateway) leaveGateway(id uint32, s *stream) {
	last := g.streams[len(g.streams)-1]
	g.streams[s.at] = last
	g.w.streams.at(last).at = s.at
	g.streams = g.streams[:len(g.streams)-1]
	for k, project := range g.w.pages[s.page].projects() {
		list := g.watchers[project]
		last := list[len(list)-1]
		list[s.places[k]] = last
		g.w.streams.at(last.stream()).places[last.project()] = s.places[k]
		g.watchers[project] = list[:len(list)-1]
	}
	s.gateway = -1
}

// sendHello sends a hello with the state of all projects of a stream.
func (g *gateway) sendHello(id uint32) {
	s := g.w.streams.at(id)
	m := g.said
	m.Said = g.w.said[:0]
	asks := false
	for _, project := range g.w.pages[s.page].projects() {
		b := g.state(project)
		told := browser.Said{}
		switch {
		case !b.Listening:
			g.watched[project].waits = true
		case b.Known:
			told = browser.Said{Standing: browser.Known, Version: int64(b.Version)}
		default:
			told.Standing = browser.Unknown
		}
		asks = asks || b.Listening
		m.Said = append(m.Said, told)
	}
	if asks {
		m.Spread = float64(g.backlog.Ask(g.size.Watchers(1), g.w.date()).Milliseconds())
	}
	if s.stage == arriving {
		s.stage = open
		g.w.timers.set(g.w.ofPage(streamA+int(s.slot), s.page), g.w.now()+secondEvent)
	}
	g.w.greeting = m
	g.w.hear(s, browser.Hello, &g.w.greeting)
}

// sendVersion tells a project's watchers a version.
func (g *gateway) sendVersion(p uint32, v int64) {
	watchers := g.watchers[p]
	if len(watchers) == 0 {
		return
	}
	w := g.w
	w.news = browser.Message{Jitter: -1, Version: v}
	w.news.Spread = g.news(&g.windows[p], len(watchers))
	for _, of := range watchers {
		s := w.streams.at(of.stream())
		if s.stage < open {
			continue // its hello will have the version
		}
		w.news.Project = of.project()
		w.hear(s, browser.Version, &w.news)
	}
}

// returnsPerSecond is how many pages without a stream may come back to a gateway in a second, as in package pace.
const returnsPerSecond = 500

// reply answers GET /poll-interval of a page.
func (w *simulation) reply(i uint32, p *page) {
	g := w.balance()
	if g == nil {
		w.event = browser.Event{Kind: browser.Failed, Number: p.Question()}
		w.give(i)
		return
	}
	m, now := g.said, w.date()
	c := g.cadence
	m.Refusing = g.phase == drained
	ttl := c.TTL()
	g.pollers.Polled(limits.Key(i+1), !g.on || m.Refusing, ttl, now)
	if !g.on || m.Refusing {
		var wait time.Duration
		g.returns, wait = g.returns.Join(returnsPerSecond, now)
		ttl = min(ttl, c.Fast+wait.Truncate(time.Second))
	}
	m.TTL = float64(ttl.Milliseconds())
	if g.on {
		after := time.Duration(0)
		if left := g.returning - w.now(); left > 0 {
			after = time.Duration(w.random() * float64(left) * float64(time.Millisecond))
		}
		if !m.Refusing {
			var wait time.Duration
			g.queue, wait = g.queue.Join(w.o.Connects, now)
			after = max(after, wait)
		}
		m.ConnectAfter = float64(after.Milliseconds())
	} else {
		m = messageOf(g.controller.Without())
		m.Excluded, m.TTL = true, float64(ttl.Milliseconds())
	}
	w.greeting = m
	w.event = browser.Event{Kind: browser.Replied, Number: p.Question(), Status: 200, Message: &w.greeting}
	w.give(i)
}

// report handles POST /missed of a page.
func (w *simulation) report(i uint32, p *page, e browser.Effect) {
	g := w.balance()
	if g == nil {
		return
	}
	w.tally.reports++
	project := p.projects()[e.Project]
	if g.controller.Verdict().Push == fallback.Down || !g.reaches() {
		return
	}
	b := g.state(project)
	if b.Known && int64(b.Version) >= e.Version || int64(w.projects[project].stored) >= e.Version { // it was published
		w.tally.faults++
	}
}
