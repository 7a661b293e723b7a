package browser

// Without a ttl_ms an answer of a gateway holds for six intervals, and for this long at most.
const longestTerms = 60_000

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

// refusalTime is how long a refusal holds: until ttl_ms is over.
func (b *Browser) refusalTime() Millis {
	if b.ttl == 0 {
		return min(6*b.fast, longestTerms)
	}
	return b.ttl
}

func (b *Browser) keepPace(ms, until Millis) { b.grace, b.graceEnd = ms, until }
func (b *Browser) endGrace()                 { b.keepPace(0, Never) }
