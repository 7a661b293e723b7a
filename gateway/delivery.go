package gateway

import (
	"bytes"
	"time"
)

// This file holds how a loop writes to its streams.

// tell gives every audience that has news a slice, in turn.
func (l *loop) tell(now time.Time) {
	begun := l.written
	for n := len(l.passes); n > 0 && len(l.passes) > 0; n-- { // an audience may leave meanwhile
		a := l.passes[0]
		l.passes[0] = nil
		l.passes = l.passes[1:]
		l.tellSome(a, now)
		if a.left > 0 {
			l.passes = append(l.passes, a)
		}
		if l.written-begun >= 4*slice { // many small ones are a large one
			break
		}
	}
	if len(l.passes) == 0 {
		l.passes = nil
	}
}

// tellSome tells a slice of an audience its frame.
func (l *loop) tellSome(a *audience, now time.Time) {
	begun := l.written
	for n := 0; a.left > 0 && n < looks && l.written-begun < slice; n++ {
		l.tellOne(a.following(&l.seats), a.frame, now)
	}
	if a.left == 0 {
		a.frame = nil // it has been told; who comes later gets a hello
	}
}

func (l *loop) tellOne(s *seat, f *frame, now time.Time) {
	i := s.stream
	p := l.streams.at(i)
	if p.stage == arriving && l.listening(p) {
		l.greet(i, p, now)
		return
	}
	if p.stage != open || p.misses() {
		return
	}
	event := f.plain
	told := s.told.told()
	switch told.follow(f) {
	case nothing:
		return
	case anew:
		l.greetAgain(i, p, now)
		return
	case lower:
		event = f.reset
	case greater:
	}
	s.told = pack(told.then(f), served)
	l.sent.versions++
	l.write(i, p, event)
}

// beat sends a heartbeat.
func (l *loop) beat(i uint32, p *parked, _ time.Time) {
	if p.stage != open || p.misses() {
		return
	}
	l.sent.heartbeats++
	l.write(i, p, l.g.pace.Now().Event)
}

// retune follows a change of the cadence, to which the time belongs that a reader may take nothing.
func (l *loop) retune(i uint32, p *parked, now time.Time) {
	setPatience(p.fd, l.g.patience())
	l.beat(i, p, now)
}

// write sends b. What the kernel does not take makes the stream behind: it gets nothing until that is sent, and what
// it misses meanwhile by a hello with the newest of everything. The stream may have ended when write returns.
func (l *loop) write(i uint32, p *parked, b []byte) {
	l.written++
	n, err := send(p.fd, b)
	switch {
	case err != nil:
		l.end(i, p, lost(p, err))
	case n < len(b):
		p.lag = behind
		if n == 0 && p.stage == open { // of what was not begun, nothing need follow
			p.lag = missing
		} else {
			l.keep(i, b[n:])
		}
		if err := l.poller.change(p.fd, tag{i, p.gen}, l.interests(p)); err != nil {
			l.end(i, p, reasonGone)
		}
	}
}

// keep remembers what is to be sent first.
func (l *loop) keep(i uint32, b []byte) { l.rest[i] = bytes.Clone(b) }

// interests is what is to be heard of a stream now.
func (l *loop) interests(p *parked) (i interest) {
	if p.stage != closing { // it is on its way out; what its peer still says would be told of again and again
		i |= writes
	}
	if p.lag != abreast {
		i |= reads
	}
	return i
}

// happened follows what the kernel tells.
func (l *loop) happened(e event, now time.Time) {
	p := l.find(e.tag)
	if p == nil {
		return
	}
	switch {
	case e.gone:
		l.end(e.index, p, lost(p, nil))
	case e.wrote && p.stage == lingering:
		if !discard(p.fd) {
			l.free(e.index, p)
		}
	case e.wrote:
		// More than one request is more than a stream can answer. It comes back, on a connection of its own.
		l.bye(e.index, p, goodbye{Reason: reasonRotate})
		if p = l.find(e.tag); p != nil && p.stage == closing {
			if err := l.poller.change(p.fd, e.tag, l.interests(p)); err != nil {
				l.end(e.index, p, reasonGone)
			}
		}
	case e.reads:
		l.catchUp(e.index, p, now)
	}
}

// catchUp sends what a stream is behind with. Only who missed something gets a hello: one that is long, and itself not
// taken at once, would be followed by the next one for ever.
func (l *loop) catchUp(i uint32, p *parked, now time.Time) {
	rest := l.rest[i]
	n, err := send(p.fd, rest)
	if err != nil {
		l.end(i, p, lost(p, err))
		return
	}
	if n < len(rest) {
		l.rest[i] = rest[n:]
		return
	}
	delete(l.rest, i)
	missed := p.lag == missing
	p.lag = abreast
	if p.stage == closing {
		l.finish(i, p)
		return
	}
	if err := l.poller.change(p.fd, tag{i, p.gen}, l.interests(p)); err != nil {
		l.end(i, p, reasonGone)
		return
	}
	if missed {
		l.greetAgain(i, p, now)
	}
}

// lost is why a connection broke, as far as the kernel has not said it by err already.
func lost(p *parked, err error) reason {
	if gaveUp(err) || gaveUp(pendingError(p.fd)) {
		return reasonStuck
	}
	return reasonGone
}
