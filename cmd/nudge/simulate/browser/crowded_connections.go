package browser

// Over HTTP/1.1 a browser has six connections to a host, for all tabs. So a poll that is not answered may find no connection,
// since streams hold all of them; or the application is slow. The page lets its stream go for a moment, and sees which.

const (
	// A poll without an answer for this long may find no connection.
	crowded = 10_000
	// If that was so, it is answered within this, or within quick and twice the usual time if that is less.
	freedMost, quick = 2000, 500
	// A poll that took longer than this was slow.
	slowPoll = 5000
)

// unanswered: the poll in flight has got no answer for long. late is how late the page notices it.
func (t *turn) unanswered(late Millis) {
	b := t.Browser
	if late > tooLate && !b.slept {
		b.overdue, b.slept = t.now+drain, true
		return
	}
	if b.held.id == 0 || b.yielding {
		return
	}
	if b.stable(&b.held, t.now) {
		b.crowds = 0
	}
	b.keepPace(b.rare(), Never)
	t.leave()
	// The second time it stays so until the poll has ended: another page may have taken the connection that became free.
	ms := b.freed()
	if b.yields > 0 {
		ms = Never
	}
	b.yields++
	t.wait(ms, resume, asked)
	b.yielding, b.yieldedAt = true, t.now
}

// freed is how long a poll needs if all that it lacked was a connection.
func (b *Browser) freed() Millis { return min(freedMost, quick+2*b.usual) }

// slow: the poll is not answered even so, or late. So the application is slow. The stream comes back.
func (t *turn) slow() {
	b := t.Browser
	b.overdue = t.now + (t.now - b.flightAt)
	if b.graceEnd == Never {
		b.graceEnd = t.now + leastGrace
	}
	t.open()
}

// took takes note of how long a poll took.
func (t *turn) took(ms Millis) {
	b := t.Browser
	if b.yielding {
		if t.now-b.yieldedAt < b.freed() {
			t.makeWay()
			return
		}
		t.slow()
		b.overdue = Never
	}
	if ms < slowPoll {
		b.usual = ms
	}
	b.enough = max(crowded, 2*ms)
	// As slow without any stream: streams were not the cause.
	if b.resting && ms > slowPoll && b.flightAt >= b.crowdedAt {
		b.crowds--
		t.ask()
	}
}

// makeWay closes streams for long, to free connections for polls.
func (t *turn) makeWay() {
	b := t.Browser
	b.push = Unsaid
	t.halt()
	b.crowdedAt = t.now
	t.wait(t.cool(int(b.crowds)), askTerms, refused)
	b.resting = true
	b.crowds = min(b.crowds+1, 100)
}
