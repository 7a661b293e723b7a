package browser

const (
	// The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds.
	firstStep, shortestStep, longestStep = 1000, 250, 30_000
	// A stream that was proven for this long clears the record.
	stable = 60_000
	// Those who lose their streams at once spread their return over this much, or over the newest spread.
	firstLoss = 5000
	// From the second mute stream in a row, or when streams crowd out polls, push rests: this long, doubled each time.
	coolFirst, coolMost = 300_000, 3_600_000
	// After an intended end nobody polls faster for this long, or until this long after the time to come back.
	leastGrace, graceMore = 60_000, 10_000
	// A token that lives shorter is left to expire.
	soonestRenewal = 10_000
	// The terms of a gateway that names none hold for six intervals, and for this long at most.
	longestTerms = 60_000
	// A question without an answer for this long has failed.
	questionPatience = 15_000
	// Versions may be held for so much longer.
	held = 25_000
)

// step is what comes next for the link.
type step uint8

const (
	nothing step = iota
	askTerms
	openStream
	getToken
	startAnew
	holdOn
	giveUp // the question was not answered in time; again says what then
)

// rest is why nothing is tried at the moment. Only a pause of the link's own choice may be cut short.
type rest uint8

const (
	own     rest = iota
	asked        // the gateway said when to come back
	verdict      // no stream is to be had for now
	gone         // the page has been left
)

func (t *turn) take(s step) {
	switch s {
	case askTerms:
		t.ask()
	case openStream:
		t.open()
	case getToken:
		t.authorize()
	case startAnew:
		t.begin()
	case holdOn:
		t.holdOn()
	case giveUp:
		t.failed(t.again, 0)
	case nothing:
	}
}

// begin opens the first stream, or that after an absence.
func (t *turn) begin() {
	if t.tokens {
		t.authorize()
	} else {
		t.open()
	}
}

// wait takes the place of whatever step was pending or under way.
func (t *turn) wait(ms Millis, next step, how rest) {
	t.question = 0
	t.rest, t.step, t.stepAt = how, next, t.now+ms
}

func (t *turn) failed(next step, atLeast Millis) {
	b := t.Browser
	b.mute = false
	wait := backoff(t.random, int(b.losses), firstStep, shortestStep, longestStep)
	b.losses = min(b.losses+1, 100)
	how := own
	if atLeast > 0 {
		how = asked
	}
	t.wait(max(wait, stretched(t.random, atLeast, b.jitter)), next, how)
}

// halt gives up streams until the verdict may have changed: as long as the terms hold.
func (t *turn) halt(next step) {
	ms := t.ttl
	if ms == 0 {
		ms = min(6*t.fast, longestTerms)
	}
	t.haltFor(next, ms)
}

func (t *turn) haltFor(next step, ms Millis) {
	t.drop(&t.fresh)
	t.drop(&t.held)
	t.grace, t.graceEnd = 0, Never
	t.mute, t.retold, t.coolEnd = false, false, 0
	t.wait(stretched(t.random, ms, t.jitter), next, verdict)
}

// cool is the n-th long rest.
func (t *turn) cool(n uint8) Millis {
	return min(coolMost, coolFirst*Millis(int(1)<<min(n, 10))) * between(t.random, 0.8, 1.2)
}

// expect puts a question. No answer in time is a failure.
func (t *turn) expect(what Question, again step) {
	b := t.Browser
	b.questions++
	b.question, b.again = b.questions, again
	b.step, b.stepAt, b.what = giveUp, t.now+questionPatience, what
	if what == Versions {
		b.stepAt += held
	}
	t.do(Effect{Kind: Ask, What: what, Number: b.question})
}

// ask asks how things stand, and so why a stream may have ended.
func (t *turn) ask() {
	t.coolEnd = 0
	t.expect(Terms, askTerms)
}

// holdOn asks for versions, until streams get another chance.
func (t *turn) holdOn() {
	if t.now >= t.coolEnd {
		t.ask()
		return
	}
	t.expect(Versions, holdOn)
}

// authorize gets a token and gives it to the gateway, for a cookie.
func (t *turn) authorize() {
	t.armed = false
	t.expect(NewToken, getToken)
}

// reply takes an answer to the question that is under way.
func (t *turn) reply(e *Event) {
	b := t.Browser
	if b.question == 0 || e.Number != b.question {
		return
	}
	b.question, b.stepAt = 0, Never
	switch {
	case e.Kind == Failed:
		t.failed(b.again, 0)
	case e.Kind == Replied:
		t.heed(e)
	case e.Granted:
		t.expect(Session, getToken)
	default:
		t.halt(getToken)
	}
}

// said is what an answer means for the stream.
type said uint8

const (
	goAhead said = iota
	noToken
	denied
	off
	busy // or nobody answers: the same again
)

func judged(status int, m *Message, what Question) said {
	switch {
	case status == 401:
		return noToken
	case status == 400 || status == 403:
		return denied
	case status < 200 || status > 299:
		return busy
	case m.Denied:
		return denied
	case m.Push == Off || m.Excluded:
		return off
	case m.Refusing:
		return busy
	case m.Fast == 0 && what == Terms: // somebody else answers in the gateway's place
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
	v := judged(e.Status, m, b.what)
	switch {
	case v == busy:
		t.failed(b.again, e.RetryAfter)
	case (v == noToken || v == denied) && b.tokens && !b.retold:
		// A cookie that has expired is not sent: to the gateway this page then is nobody, whom nothing covers.
		b.retold = true
		t.authorize()
	case v == noToken && b.tokens:
		t.halt(getToken)
	case v == off:
		b.push = Off
		t.halt(askTerms)
	case v != goAhead:
		t.halt(askTerms)
	case b.what == Versions:
		t.learned(m)
	default:
		t.connect(m)
	}
}

// connect opens a stream, now or when the gateway says.
func (t *turn) connect(m *Message) {
	b := t.Browser
	// The network is fine, so a mute stream was not its fault.
	rests := false
	if b.mute {
		b.mutes = min(b.mutes+1, 100)
		rests = b.mutes > 1
	}
	b.mute = false
	switch {
	case rests && b.holds:
		b.coolEnd, b.rest = t.now+t.cool(b.mutes-2), asked
		t.holdOn()
	case rests:
		t.wait(t.cool(b.mutes-2), askTerms, asked)
	case m.ConnectAfter > 0:
		t.wait(stretched(t.random, m.ConnectAfter, b.jitter), openStream, asked)
	default:
		t.open()
	}
}

// learned takes versions that differ, and asks for the next.
func (t *turn) learned(m *Message) {
	b := t.Browser
	b.losses, b.spread = 0, m.Spread
	for i, s := range m.Said {
		if s.Standing == Known {
			b.advanced(&Message{Project: i, Version: s.Version, Prev: -1}, false)
		}
	}
	if b.owes() {
		t.news()
	}
	t.wait(b.gap*between(t.random, 1, 2), holdOn, asked)
}

// silence is a message that says nothing.
var silence = Message{Jitter: -1, Expires: -1, Version: -1, Prev: -1}

func (t *turn) open() {
	b := t.Browser
	b.question, b.stepAt, b.step, b.rest = 0, Never, nothing, own
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

// drop lets go of a stream; true if the other takes its place.
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

func (t *turn) suspend() {
	t.question, t.stepAt, t.rest, t.coolEnd = 0, Never, gone, 0
	t.drop(&t.fresh)
	t.drop(&t.held)
}

// renew: the page was away, or the network. Whatever stream there is may be dead without knowing.
func (t *turn) renew() {
	b := t.Browser
	back := b.rest == gone
	if !back && (b.rest != own || b.fresh.id != 0 || b.held.id != 0 && b.held.state == connecting) {
		return
	}
	next := askTerms
	switch {
	case back:
		next = startAnew
	case b.held.id != 0:
		next = openStream
	}
	t.wait(t.random()*1000, next, own)
}

// makeWay gives up streams for polls.
func (t *turn) makeWay() {
	b := t.Browser
	if b.held.id == 0 {
		return
	}
	b.push = Unsaid
	t.halt(askTerms)
	t.wait(t.cool(b.crowds), askTerms, verdict)
	b.crowds = min(b.crowds+1, 100)
}
