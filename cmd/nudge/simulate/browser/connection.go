package browser

import "math"

const (
	// The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds.
	firstStep, shortestStep, longestStep = 1000, 250, 30_000
	// A stream that was proven for this long resets the count of failures.
	stableAfter = 60_000
	// Pages that lose their streams at once reconnect over this time, or over the newest spread.
	firstLoss = 5000
	// After the second mute stream in a row, or when streams leave polls no connection, push pauses: this long, doubled each time.
	coolFirst, coolMost = 300_000, 3_600_000
	// After a goodbye a page does not poll faster for this long, or until this long after its time to reconnect.
	leastGrace, graceMore = 60_000, 10_000
	// If so many streams in a row break before their hello, something blocks them.
	blockedAfter = 3
	// A stream that is to be renewed waits for what is under way.
	gather = 50
)

// connect opens a stream, now or when the gateway says.
func (t *turn) connect(m *Message) {
	b := t.Browser
	// The network works, so it did not cause the mute stream.
	rests := false
	if b.mute {
		b.mutes = min(b.mutes+1, 100)
		rests = b.mutes > 1
	}
	b.mute = false
	switch {
	case rests && b.held.id != 0:
		t.wait(t.cool(int(b.mutes)-2), askTerms, refused)
	case rests:
		t.wait(t.cool(int(b.mutes)-2), askTerms, asked)
	case m.ConnectAfter > 0:
		t.wait(stretched(t.random, m.ConnectAfter, b.jitter), openStream, asked)
	default:
		t.open()
	}
}

func (t *turn) open() {
	b := t.Browser
	if t.now < b.restsUntil {
		t.wait(b.restsUntil-t.now, askTerms, asked)
		return
	}
	t.wait(Never, nothing, own)
	t.drop(&b.fresh)
	b.streams++
	s := &b.held
	if s.id != 0 {
		s = &b.fresh
	}
	*s = stream{id: b.streams, due: t.now + connectPatience, heartbeat: usualHeartbeat}
	t.do(Effect{Kind: Open, Number: s.id})
}

// stream is the open one of that number.
func (t *turn) stream(number uint32) *stream {
	switch {
	case number == 0:
	case t.held.id == number:
		return &t.held
	case t.fresh.id == number:
		return &t.fresh
	}
	return nil
}

func (t *turn) proven(s *stream) *stream {
	b := t.Browser
	if s == &b.held || b.held.state != proven {
		b.provenSince = t.now
	}
	if s == &b.fresh {
		t.do(Effect{Kind: Close, Number: b.held.id})
		b.held, b.fresh = b.fresh, stream{due: Never}
	}
	b.noRoom = false
	b.mutes, b.renewal = 0, b.held.helloAt+b.lifetime.renewal(t.now, t.random)
	b.endGrace()
	return &b.held
}

// drop removes a stream; true if the other stream replaces it.
func (t *turn) drop(s *stream) (heir bool) {
	b := t.Browser
	if s.id != 0 {
		t.do(Effect{Kind: Close, Number: s.id})
	}
	if s == &b.held {
		heir = b.fresh.id != 0
		b.held = b.fresh
	}
	b.fresh = stream{due: Never}
	return heir
}

// goodbye handles a goodbye.
func (t *turn) goodbye(s *stream, m *Message) {
	b := t.Browser
	if m.Reason == OffNow {
		b.push = Off
	}
	if m.Reason == OffNow || m.Reason == Revoked {
		t.haltFor(m.After + t.random()*max(m.Spread, firstLoss))
		return
	}
	b.noRoom = b.noRoom || m.Reason == Overload
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

// lost handles the unintended end of a stream.
func (t *turn) lost(s *stream, how end) {
	b := t.Browser
	cut := how == broken && s.state != connecting && b.lifetime.broke(t.now-s.helloAt, t.now)
	steady := cut || b.stable(s, t.now)
	if steady {
		b.losses = 0
	}
	if cut && s.state == proven {
		b.keepPace(s.poll, t.now+firstLoss+graceMore)
	}
	unopened := uint8(0)
	if how == broken && s.state == connecting && !b.noRoom {
		unopened = min(b.unopened+1, blockedAfter)
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
		b.unopened = unopened
		if b.mute = unopened == blockedAfter; b.mute {
			b.mutes = max(b.mutes, 1)
		}
	default:
		if cut && b.lifetime.age < tooShortAge {
			b.restsUntil = b.lifetime.until
		}
		b.losses++
		t.wait(between(t.random, shortestStep, max(firstLoss, b.spread)), askTerms, own)
	}
}

// stable tells whether a stream has been proven for long.
func (b *Browser) stable(s *stream, now Millis) bool {
	return s.state == proven && now-b.provenSince >= stableAfter
}

// failed asks /poll-interval later: the more failures in a row, the longer the wait.
func (t *turn) failed(atLeast Millis) {
	b := t.Browser
	b.mute, b.unopened = false, 0
	wait := backoff(t.random, int(b.losses), firstStep, shortestStep, longestStep)
	b.losses = min(b.losses+1, 100)
	how := own
	if atLeast > 0 {
		how = asked
	}
	t.wait(max(wait, stretched(t.random, atLeast, b.jitter)), askTerms, how)
}

// halt opens no stream until the answer of the gateway may have changed.
func (t *turn) halt() { t.haltFor(t.refusalTime()) }

func (t *turn) haltFor(ms Millis) {
	t.leave()
	t.endGrace()
	t.mute, t.unopened = false, 0
	t.wait(stretched(t.random, ms, t.jitter), askTerms, refused)
}

// cool is the n-th long rest.
func (t *turn) cool(n int) Millis {
	return min(coolMost, math.Ldexp(coolFirst, n)) * between(t.random, 0.8, 1.2)
}

// leave closes all streams: the page goes, or wants none.
func (t *turn) leave() {
	t.drop(&t.fresh)
	t.drop(&t.held)
	t.restsUntil = 0
	t.wait(Never, nothing, gone)
}

// goAway leaves. The wait that the page was in counts on.
func (t *turn) goAway() {
	b := t.Browser
	if b.rest != gone {
		b.notBefore = 0
		if b.rest != own && b.held.id == 0 && b.stepAt != Never {
			b.notBefore = b.stepAt
		}
	}
	t.leave()
}

// renew: the page or the network was away. An open stream may be dead without an error.
func (t *turn) renew() {
	b := t.Browser
	back := b.rest == gone
	if b.unseen || !back && (b.rest != own || b.fresh.id != 0 || b.held.id != 0 && b.held.state == connecting) {
		return
	}
	if back && b.grace != 0 && b.graceEnd == Never {
		b.graceEnd = t.now + leastGrace
	}
	next := askTerms
	if back || b.held.id != 0 {
		next = openStream
	}
	how := own
	if b.notBefore > t.now {
		how = asked
	}
	t.wait(max(t.random()*1000, b.notBefore-t.now), next, how)
	b.notBefore = 0
}
