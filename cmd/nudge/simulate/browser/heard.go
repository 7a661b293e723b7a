package browser

// follow takes the cadence of a message.
func (t *turn) follow(m *Message) {
	b := t.Browser
	if m.Push != Unsaid {
		b.push = m.Push
	}
	if m.Fast > 0 {
		b.fast = m.Fast
		switch {
		case m.Gap > 0:
			b.gap = m.Gap
		case m.Gap < 0:
			b.gap = 0
		default:
			b.gap = usualGap
		}
	}
	if m.Jitter >= 0 {
		b.jitter = m.Jitter
	}
}

// heard takes an event of a stream.
func (t *turn) heard(e *Event) {
	b := t.Browser
	s := t.stream(e.Number)
	if s == nil {
		return
	}
	m := e.Message
	if m == nil {
		m = &silence
	}
	proof := s.hear(e.Name, m, t.now, b.vouch)
	t.follow(m)
	if proof {
		s = t.proven(s)
	}
	switch e.Name {
	case Hello:
		t.greeted(m)
	case Version:
		t.advance(m)
	case Goodbye:
		t.dismissed(s, m)
	case Heartbeat:
	}
}

func (t *turn) proven(s *stream) *stream {
	b := t.Browser
	if s == &b.fresh {
		t.do(Effect{Kind: Close, Number: b.held.id})
		b.held, b.fresh = b.fresh, stream{due: Never}
	}
	b.provenAt, b.mutes = t.now, 0
	b.endGrace()
	return &b.held
}

func (t *turn) greeted(m *Message) {
	t.spread = m.Spread
	if t.Browser.greeted(m.Said) {
		t.news()
	}
}

func (t *turn) advance(m *Message) {
	t.spread = m.Spread
	if t.advanced(m) {
		t.news()
	}
}

// dismissed handles a goodbye.
func (t *turn) dismissed(s *stream, m *Message) {
	b := t.Browser
	if m.Reason == OffNow {
		b.push = Off
	}
	if m.Reason == OffNow || m.Reason == Revoked {
		t.haltFor(m.After + t.random()*max(m.Spread, firstLoss))
		return
	}
	ms := m.After + t.random()*m.Spread
	counted := s.state == proven
	if counted {
		b.keepPace(s.poll, t.now+max(leastGrace, ms+graceMore))
	}
	if t.drop(s) {
		return
	}
	// If a gateway ends all streams at once, pages must not ask it again at once.
	least := Millis(shortestStep)
	if !counted {
		least = between(t.random, 1000, 2000)
	}
	t.wait(max(ms, least), openStream, asked)
}

// stable tells whether a stream has been proven for long.
func (b *Browser) stable(s *stream, now Millis) bool {
	return s.state == proven && now-b.provenAt >= stableAfter
}

// lost handles the unintended end of a stream.
func (t *turn) lost(s *stream, how end) {
	b := t.Browser
	steady := b.stable(s, t.now)
	if steady {
		b.losses = 0
	}
	if t.drop(s) {
		return
	}
	if b.held.id == 0 {
		b.push = Unsaid
	}
	b.mute = how == mute
	switch {
	case b.mute:
		t.wait(between(t.random, 5000, 15_000), askTerms, own)
	case !steady:
		t.failed(0)
	default:
		b.losses++
		t.wait(between(t.random, shortestStep, max(firstLoss, b.spread)), askTerms, own)
	}
}
