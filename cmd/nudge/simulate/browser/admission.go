package browser

// reply takes an answer to the question that is under way.
func (t *turn) reply(e *Event) {
	b := t.Browser
	if b.question == 0 || e.Number != b.question {
		return
	}
	b.question, b.stepAt = 0, Never
	if e.Kind == Failed {
		t.failed(0)
		return
	}
	t.heed(e)
}

func (t *turn) heed(e *Event) {
	b := t.Browser
	m := e.Message
	if m == nil {
		m = &silence
	}
	if m.TTL > 0 {
		b.ttl = m.TTL
	}
	t.follow(m)
	switch judged(e.Status, m) {
	case busy:
		t.failed(e.RetryAfter)
	case off:
		b.push = Off
		t.halt()
	case denied:
		t.halt()
	case goAhead:
		t.connect(m)
	}
}
