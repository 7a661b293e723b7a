package browser

// turn is one event on its way.
type turn struct {
	*Browser
	now    Millis
	random func() float64
	out    []Effect
}

// Reduce changes the page by an event at now, and appends the effects. random is uniform in [0, 1).
func (b *Browser) Reduce(e *Event, now Millis, random func() float64, effects []Effect) []Effect {
	t := turn{b, now, random, effects}
	switch e.Kind {
	case Start:
		t.cycle()
		t.open()
	case Tick:
		t.tick()
	case Leave:
		t.goAway()
	case Back:
		t.soon(Return)
		t.renew()
	case Online:
		b.mutes = 0 // what one network does to streams says nothing of another
		t.soon(Network)
		t.renew()
	case Hidden:
		if b.hiddenAt == 0 {
			b.hiddenAt = now
		}
		if b.release == Never {
			b.release = now + staysHidden
		}
	case Visible:
		since := b.hiddenAt
		b.hiddenAt, b.release, b.unseen = 0, Never, false
		if since != 0 && now-since >= away {
			t.soon(Return)
			t.renew()
		}
	case Heard:
		t.heard(e)
	case Lost:
		if s := t.stream(e.Number); s != nil {
			t.lost(s, broken)
		}
	case Replied, Failed:
		t.reply(e)
	case Polled:
		t.polled(e)
	case Unpolled:
		t.unpolled(e)
	case Refresh:
		b.wished = true
	}
	t.settle()
	return t.out
}

const (
	// Hidden for this long, a page may have a stream that died without a word.
	away = 30_000
	// Hidden for this long, a page lets its stream go.
	staysHidden = 60_000
)

func (t *turn) do(e Effect) { t.out = append(t.out, e) }

// alarm is one of the things that a page waits for.
type alarm uint8

const (
	pollAlarm alarm = iota
	patienceAlarm
	overdueAlarm
	freshAlarm
	heldAlarm
	stepAlarm
	graceAlarm
	auditAlarm
	releaseAlarm
)

// next returns what is due first, and when.
func (b *Browser) next() (Millis, alarm) {
	at, what := b.flightAt+patience, patienceAlarm
	if b.flight == 0 {
		at, what = b.pollDue(), pollAlarm
	}
	for _, other := range [...]struct {
		at   Millis
		what alarm
	}{
		{b.overdue, overdueAlarm},
		{b.fresh.due, freshAlarm},
		{b.held.due, heldAlarm},
		{b.stepAt, stepAlarm},
		{b.graceEnd, graceAlarm},
		{b.audit, auditAlarm},
		{b.release, releaseAlarm},
	} {
		if other.at < at {
			at, what = other.at, other.what
		}
	}
	return at, what
}

// tick does what is due first. What else is due, or becomes due by it, is for the next ticks.
func (t *turn) tick() {
	b := t.Browser
	at, what := b.next()
	if at > t.now {
		return
	}
	switch what {
	case pollAlarm:
		t.poll()
	case patienceAlarm:
		t.unpolled(&Event{Number: b.flight})
	case overdueAlarm:
		b.overdue = Never
		t.unanswered(t.now - at)
	case freshAlarm:
		t.expire(&b.fresh)
	case heldAlarm:
		t.expire(&b.held)
	case stepAlarm:
		b.stepAt = Never
		t.take(b.step)
	case graceAlarm:
		b.endGrace()
	case auditAlarm:
		b.audit = Never
		t.judge()
	case releaseAlarm:
		b.release = Never
		t.hide()
	}
}

// expire does what follows when a stream's time is over.
func (t *turn) expire(s *stream) {
	if how, over := s.overdue(t.now); over {
		t.lost(s, how)
	}
}
