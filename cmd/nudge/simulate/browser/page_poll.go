package browser

func (t *turn) greeted(m *Message) {
	t.spread, t.unopened = m.Spread, 0
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

// news: there is some.
func (t *turn) news() {
	due := t.due
	if t.flight != 0 { // it has begun before the news, and serves nothing
		due = Never
	}
	t.wide = t.spread
	t.window = t.window.announced(t.now, t.spread, t.random(), due)
}
