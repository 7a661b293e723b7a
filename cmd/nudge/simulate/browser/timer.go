package browser

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
	renewalAlarm
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
		{b.renewal, renewalAlarm},
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
	case renewalAlarm:
		b.renewal = Never
		t.renewStream()
	case releaseAlarm:
		b.release = Never
		t.hide()
	}
}
