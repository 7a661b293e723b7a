package browser

const (
	// usualGap parts news-driven polls.
	usualGap = 1000
	// A poll that failed is not repeated sooner than this.
	leastRetry = 1000
	// A poll without an answer for this long has failed.
	patience = 60_000
	// The first wait after an answer older than what was announced; it doubles.
	againFirst = 250
	// Failing polls never back off further than this.
	longestBackoff = 300_000
	// No header makes a page wait longer than this.
	longestWish = 3_600_000
)

// pollDue is when the next poll begins.
func (b *Browser) pollDue() Millis {
	if b.wished {
		return 0
	}
	return min(b.due, b.newsDue())
}

// newsDue is when news wants a poll. While polls fail it has to wait: an application in trouble is not helped by haste.
func (b *Browser) newsDue() Millis {
	if !b.window.pending() || b.failures > 0 {
		return Never
	}
	if b.window.due == b.due {
		return b.due
	}
	return max(b.window.due, b.newsAt+b.gap, b.hold)
}

// cycle draws the time of the next poll.
func (t *turn) cycle() {
	b := t.Browser
	b.base = b.inForce()
	b.longest, b.cycleAt = b.base, t.now
	b.due = max(b.floor, t.now+jittered(b.base, b.jitter, t.random()))
	b.reason = Interval
}

func (t *turn) sooner(ms Millis, why Cause) {
	if at := max(t.floor, t.now+ms); at < t.due {
		t.due, t.reason = at, why
	}
}

// soon polls within a second. What is in flight may have been overtaken by events, and then fail: it does not count.
func (t *turn) soon(why Cause) {
	if t.flight != 0 {
		t.hurry = why
		return
	}
	t.sooner(t.random()*1000, why)
}

// longer: what is longer by less than this counts from the next poll. To draw anew each time would let some wait for ever.
const longer = 1.5

// redraw follows the interval in force, after every event, at once: what is left to wait is drawn anew, so that pages whose
// interval changes together come as evenly as pages that always had it. But for two cases: an application in trouble is not
// helped by haste, and where news has its window, that poll is on its way: to hurry beside it would be a herd that nobody
// spread. However often that happens, from one poll to the next it is never longer than the longest of all, and its jitter.
func (t *turn) redraw() {
	b := t.Browser
	if b.flight != 0 || b.due == Never {
		return
	}
	ms := b.inForce()
	if ms >= b.base && ms < b.base*longer || b.failures > 0 || b.window.pending() {
		return
	}
	b.base, b.longest = ms, max(b.longest, ms)
	if b.reason == Interval {
		b.due = max(b.floor, min(t.now+residue(ms, b.jitter, t.random()), b.cycleAt+b.longest*(1+b.jitter)))
	}
}

// poll begins one.
func (t *turn) poll() {
	b := t.Browser
	why := b.reason
	switch {
	case b.wished:
		why = Wish
	case b.newsDue() < b.due:
		why = News
	}
	b.wished = false
	b.window = b.window.after(t.now)
	if why == News {
		b.newsAt = t.now
	}
	b.safety = why == Interval && b.trusted()
	b.asked()
	b.polls++
	b.flight, b.flightAt = b.polls, t.now
	b.overdue, b.yields, b.slept = t.now+b.enough, 0, false
	t.do(Effect{Kind: Poll, Number: b.flight, Reason: why})
}

func (t *turn) polled(e *Event) {
	if !t.over(e) {
		return
	}
	b := t.Browser
	b.failures = 0
	stale := b.answered(e.Versions)
	if b.safety {
		t.examine()
	}
	t.took(t.now - b.flightAt)
	if !b.owes() {
		b.window = b.window.after(t.now)
	}
	t.cycle()
	if stale > 0 {
		wait := againFirst / 2 * Millis(int(1)<<stale) * between(t.random, 0.5, 1.5)
		t.sooner(wait+b.wide*t.random(), Behind)
	}
	t.hasten()
}

func (t *turn) unpolled(e *Event) {
	if !t.over(e) {
		return
	}
	b := t.Browser
	t.do(Effect{Kind: Abort, Number: b.polls})
	t.took(t.now - b.flightAt)
	t.cycle()
	if b.failures < 100 {
		b.failures++
	}
	b.due = max(b.floor, t.now+backoff(t.random, int(b.failures), b.fast, leastRetry, longestBackoff))
	b.reason = Retry
	t.hasten()
}

// over ends the poll in flight. The first result ends it; a later result of the same poll is ignored.
func (t *turn) over(e *Event) bool {
	b := t.Browser
	if b.flight == 0 || e.Number != b.flight {
		return false
	}
	b.flight, b.overdue = 0, Never
	b.hold = t.now + stretched(t.random, min(e.RetryAfter, longestWish), b.jitter)
	b.floor = max(b.hold, t.now+stretched(t.random, min(e.PollInterval, longestWish), b.jitter))
	return true
}

func (t *turn) hasten() {
	if t.hurry != none {
		t.soon(t.hurry)
	}
	t.hurry = none
}
