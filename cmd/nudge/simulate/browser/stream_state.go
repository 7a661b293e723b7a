package browser

const (
	// connectPatience is how long a hello may take.
	connectPatience = 10_000
	// A stream is proven by an event this long after its first hello.
	proofFrom, proofTo = 500, 5000
	// A timer later than tooLate means that the page was asleep. Then what had piled up gets drain to come out.
	tooLate, drain = 1000, 1000
	usualHeartbeat = 25_000
)

type streamState uint8

const (
	connecting streamState = iota
	open
	proven
)

// stream is one stream from opening to end. Its id is 0 if there is none.
type stream struct {
	id        uint32
	state     streamState
	drained   bool // what had piled up has had its time
	helloAt   Millis
	lastAt    Millis
	due       Millis // when it is lost, unless it has come further by then
	poll      Millis // the interval that it allows; 0: not said yet
	heartbeat Millis
}

// end is how a stream ended that nobody meant to end.
type end uint8

const (
	broken end = iota
	mute
	silent
	slept // the page was asleep, so that nothing can be told
)

// heard takes an event of a stream.
func (t *turn) heard(e *Event) {
	b := t.Browser
	s := t.stream(e.Number)
	if s == nil {
		return
	}
	m := e.Message
	if m == nil {
		m = &silence
	}
	proof := s.hear(e.Name, m, t.now, b.vouch)
	t.follow(m)
	if proof {
		s = t.proven(s)
	}
	switch e.Name {
	case Hello:
		t.greeted(m)
	case Version:
		t.advance(m)
	case Goodbye:
		t.goodbye(s, m)
	case Heartbeat:
	}
}

// hear takes note of an event, and tells whether it proves the stream.
func (s *stream) hear(name Name, m *Message, now Millis, vouched bool) (proof bool) {
	s.lastAt = now
	if m.Poll > 0 {
		s.poll = m.Poll
	}
	if m.Heartbeat > 0 {
		s.heartbeat = m.Heartbeat
	}
	age := now - s.helloAt
	switch {
	case s.state == connecting && name == Hello:
		s.state, s.helloAt = open, now
		s.due = now + proofTo
	case s.state == open && name != Hello && age >= proofFrom && age <= proofTo:
		s.state, proof = proven, true
	}
	if s.state == proven {
		s.watch(vouched)
	}
	return proof
}

// watch sets when silence means that the stream is dead.
func (s *stream) watch(vouched bool) {
	s.due, s.drained = s.lastAt+2*s.heartbeat, false
	if vouched {
		s.due = Never
	}
}

// expire does what follows when a stream's time is over.
func (t *turn) expire(s *stream) {
	if how, over := s.overdue(t.now); over {
		t.lost(s, how)
	}
}

// overdue returns how the stream ends at its due time, and whether it does.
func (s *stream) overdue(now Millis) (how end, over bool) {
	over = now-s.due > tooLate
	switch {
	case s.state == proven && over && !s.drained:
		s.due, s.drained = now+drain, true
		return 0, false
	case s.state == proven:
		return silent, true
	case over:
		return slept, true
	}
	return mute, true
}
