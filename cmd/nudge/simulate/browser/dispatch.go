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
		b.mutes, b.lifetime = 0, lifetime{} // what one network does to streams says nothing of another
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
		isAway := since != 0 && now-since >= away
		if isAway {
			t.soon(Return)
			b.noRoom = false
		}
		if isAway || b.rest == gone {
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
	t.redraw()
	return t.out
}

func (t *turn) do(e Effect) { t.out = append(t.out, e) }
