package browser

import "math"

const (
	// Ages that differ by less than this, or by a fiftieth, are the same.
	exactAge = 1000
	// A shorter age teaches nothing.
	leastAge = 2000
	// Streams that live for less than this are not renewed.
	tooShortAge = 5000
	// The age is believed for this long.
	ageBelieved = 3_600_000
	// A stream is renewed this long before its end, or a fifth of its life before, but proofTime at least.
	renewalMargin, proofTime = 15_000, 2000
)

// lifetime is how long streams live here: some proxies end every answer at a fixed age.
type lifetime struct {
	age   Millis // of the last stream that broke
	until Millis // until when streams are taken to end at that age
}

// cut returns the age at which streams end; Never: nothing is known to end them.
func (l lifetime) cut(now Millis) Millis {
	if now < l.until {
		return l.age
	}
	return Never
}

// broke takes note of a stream that broke at this age, and tells whether the one before did, too.
func (l *lifetime) broke(ms, now Millis) bool {
	if ms < leastAge {
		return false
	}
	same := math.Abs(ms-l.age) < max(exactAge, ms/50)
	if !same {
		l.age = ms
		return false
	}
	l.age, l.until = min(l.age, ms), now+ageBelieved
	return true
}

// renewal returns how long after its hello a stream is renewed.
func (l lifetime) renewal(now Millis, random func() float64) Millis {
	ms := l.cut(now)
	if ms == Never {
		return Never
	}
	return ms - max(proofTime, min(renewalMargin, ms/5))*(1+random()/4)
}

// renewStream opens the stream that takes the place of one that will soon be cut off.
func (t *turn) renewStream() {
	b := t.Browser
	switch {
	case b.held.state != proven || b.fresh.id != 0:
	case b.question != 0 || b.stepAt != Never:
		b.renewal = t.now + gather
	default:
		t.open()
	}
}
