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
		t.suspend()
	case Back:
		t.soon(Return)
		t.renew()
	case Online:
		t.soon(Network)
		t.renew()
	case Hidden:
		if b.hiddenAt == 0 {
			b.hiddenAt = now
		}
	case Visible:
		since := b.hiddenAt
		b.hiddenAt = 0
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

// away: hidden for this long, a page may have a stream that died without a word.
const away = 30_000

func (t *turn) do(e Effect) { t.out = append(t.out, e) }

// tick does what is due. What that makes due in turn is for the next one.
func (t *turn) tick() {
	b := t.Browser
	if b.fresh.due <= t.now {
		if how, over := b.fresh.overdue(t.now); over {
			t.lost(&b.fresh, how)
		}
	}
	if b.held.due <= t.now {
		if how, over := b.held.overdue(t.now); over {
			t.lost(&b.held, how)
		}
	}
	if b.stepAt <= t.now {
		b.stepAt = Never
		t.take(b.step)
	}
	if b.graceEnd <= t.now {
		b.graceEnd, b.grace = Never, 0
	}
	if b.audit <= t.now {
		b.audit = Never
		t.judge()
	}
	if b.flight == 0 {
		t.settle()
		if b.pollDue() <= t.now {
			t.poll()
		}
		return
	}
	if b.pressure <= t.now {
		t.crowd()
	}
	if b.flight != 0 && b.flightAt+patience <= t.now {
		t.unpolled(&Event{Number: b.flight})
	}
}
