package browser

const (
	// The n-th failure in a row waits anything up to 1 s · 2ⁿ, within these bounds.
	firstStep, shortestStep, longestStep = 1000, 250, 30_000
	// A stream that was proven for this long resets the count of failures.
	stable = 60_000
	// Pages that lose their streams at once reconnect over this time, or over the newest spread.
	firstLoss = 5000
	// After the second mute stream in a row, or when streams take the connections of polls, push pauses: this long, doubled each time.
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
	case nothing:
	}
}

// wait replaces the step that was pending or under way.
func (t *turn) wait(ms Millis, next step, how rest) {
	t.question = 0
	t.rest, t.step, t.stepAt = how, next, t.now+ms
}

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
	t.drop(&t.fresh)
	t.drop(&t.held)
	t.grace, t.graceEnd = 0, Never
	t.mute = false
	t.wait(stretched(t.random, ms, t.jitter), askTerms, refused)
}

// cool is the n-th long rest.
func (t *turn) cool(n uint8) Millis {
	return min(coolMost, coolFirst*Millis(int(1)<<min(n, 10))) * between(t.random, 0.8, 1.2)
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
	case rests:
		t.wait(t.cool(b.mutes-2), askTerms, asked)
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

func (t *turn) suspend() {
	t.question, t.stepAt, t.rest = 0, Never, gone
	t.drop(&t.fresh)
	t.drop(&t.held)
}

// renew: the page or the network was away. An open stream may be dead without an error.
func (t *turn) renew() {
	b := t.Browser
	back := b.rest == gone
	if !back && (b.rest != own || b.fresh.id != 0 || b.held.id != 0 && b.held.state == connecting) {
		return
	}
	next := askTerms
	if back || b.held.id != 0 {
		next = openStream
	}
	t.wait(t.random()*1000, next, own)
}

// makeWay closes streams to free connections for polls.
func (t *turn) makeWay() {
	b := t.Browser
	if b.held.id == 0 {
		return
	}
	b.push = Unsaid
	t.halt()
	t.wait(t.cool(b.crowds), askTerms, refused)
	b.crowds = min(b.crowds+1, 100)
}
