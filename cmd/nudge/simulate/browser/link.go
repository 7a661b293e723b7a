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
	// Without a ttl_ms an answer of a gateway holds for six intervals, and for this long at most.
	longestTerms = 60_000
	// A question without an answer for this long has failed.
	questionPatience = 15_000
)

// step is what comes next for the link.
type step uint8

const (
	nothing step = iota
	askTerms
	openStream
	giveUp // the question was not answered in time
	resume // the poll in flight is not answered though streams have made way for it
)

// rest is why the page does not try a stream now. Only a pause that the page itself chose may be ended early.
type rest uint8

const (
	own     rest = iota
	asked        // the gateway said when to come back
	refused      // the gateway has said no for now
	gone         // the page has been left
)

func (t *turn) take(s step) {
	switch s {
	case askTerms:
		t.ask()
	case openStream:
		t.open()
	case giveUp:
		t.failed(0)
	case resume:
		t.slow()
	case nothing:
	}
}

// wait replaces the step that was pending or under way.
func (t *turn) wait(ms Millis, next step, how rest) {
	t.question, t.yielding, t.resting = 0, false, false
	t.rest, t.step, t.stepAt = how, next, t.now+ms
}

// rare is the poll interval that the proven stream allows, or the grace after one; 0: none.
func (b *Browser) rare() Millis {
	if b.held.state == proven {
		return b.held.poll
	}
	return b.grace
}

func (b *Browser) keepPace(ms, until Millis) { b.grace, b.graceEnd = ms, until }
func (b *Browser) endGrace()                 { b.keepPace(0, Never) }

// failed asks /poll-interval later: the more failures in a row, the longer the wait.
func (t *turn) failed(atLeast Millis) {
	b := t.Browser
	b.mute = false
	wait := backoff(t.random, int(b.losses), firstStep, shortestStep, longestStep)
	b.losses = min(b.losses+1, 100)
	how := own
	if atLeast > 0 {
		how = asked
	}
	t.wait(max(wait, stretched(t.random, atLeast, b.jitter)), askTerms, how)
}

// halt opens no stream until the answer of the gateway may have changed: until ttl_ms is over.
func (t *turn) halt() {
	ms := t.ttl
	if ms == 0 {
		ms = min(6*t.fast, longestTerms)
	}
	t.haltFor(ms)
}

func (t *turn) haltFor(ms Millis) {
	t.leave()
	t.endGrace()
	t.mute = false
	t.wait(stretched(t.random, ms, t.jitter), askTerms, refused)
}

// cool is the n-th long rest.
func (t *turn) cool(n int) Millis {
	return min(coolMost, math.Ldexp(coolFirst, n)) * between(t.random, 0.8, 1.2)
}

// ask asks /poll-interval, which may say why a stream ended. No answer in time is a failure.
func (t *turn) ask() {
	b := t.Browser
	b.questions++
	b.question = b.questions
	b.step, b.stepAt = giveUp, t.now+questionPatience
	t.do(Effect{Kind: Ask, Number: b.question})
}

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

// verdict says what an answer means for the stream.
type verdict uint8

const (
	goAhead verdict = iota
	denied          // or nobody knows who the page is
	off
	busy // or no answer: try again
)

func judged(status int, m *Message) verdict {
	switch {
	case status == 400 || status == 401 || status == 403:
		return denied
	case status < 200 || status > 299:
		return busy
	case m.Denied:
		return denied
	case m.Push == Off || m.Excluded:
		return off
	case m.Refusing:
		return busy
	case m.Fast == 0: // the answer is not from a gateway
		return busy
	}
	return goAhead
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

// silence is an empty message.
var silence = Message{Jitter: -1, Version: -1}

func (t *turn) open() {
	b := t.Browser
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

// leave closes all streams: the page goes, or wants none.
func (t *turn) leave() {
	t.drop(&t.fresh)
	t.drop(&t.held)
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

// hide lets the stream of a hidden page go, whose pace stays as slow as it was.
func (t *turn) hide() {
	b := t.Browser
	b.unseen = true
	if b.rest == gone {
		return
	}
	b.keepPace(b.rare(), Never)
	t.goAway()
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
