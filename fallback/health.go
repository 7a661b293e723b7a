package fallback

import (
	"slices"
	"sync"
	"time"
)

const (
	// defaultProbe is the period assumed when none is given.
	defaultProbe = 2 * time.Second
	// slack is what an echo may take on its way before it counts as late: far
	// above a network's round trip, so that only a sick source uses it up.
	slack = time.Second
	// recovery is how many echoes in a row end the mistrust after an outage.
	recovery = 5
)

// Health judges a source by the echoes of its probe. Callers report what they
// see with Echo and Lost and ask with Verdict; Health holds no clock and starts
// nothing. It is safe for concurrent use.
//
// A source that has never echoed is down, and the first echo makes it healthy:
// it has not let anybody down yet. One that echoed once and then went down is
// only degraded until 5 echoes in a row have come back. So is one that browsers
// report to have missed news of, for as long as Missed says.
type Health struct {
	probe time.Duration // static after construction

	mu sync.Mutex // protects what follows
	// sent is when the probe of the newest echo was sent; zero before the first.
	sent time.Time
	// lost is when the source last reported its own failure, zero if never; why
	// is what it said.
	lost time.Time
	why  Reason
	// recovering is set once the source, having worked, was down.
	recovering bool
	// row counts the echoes since the last loss or too long silence.
	row int
	// missed is how long browsers' reports of missed news speak against push.
	missed time.Time
}

// Verdict is what the evidence says at one moment.
type Verdict struct {
	// Push is Healthy, Degraded or Down, never Off: the flag is not evidence.
	Push Push
	// Reason is ReasonNone exactly when Push is Healthy.
	Reason Reason
	// LastEcho is when the probe of the newest echo was sent; zero before the
	// first one.
	LastEcho time.Time
	// Echoed says whether any echo has come back yet.
	Echoed bool
	// Until is when the verdict changes if nothing more is reported: Push or
	// Reason is still the same just before it and differs at it. Zero: it stands
	// until the next report.
	Until time.Time
}

// NewHealth returns a Health for a source that is probed once per probe; zero
// or less means 2 s.
func NewHealth(probe time.Duration) *Health {
	if probe <= 0 {
		probe = defaultProbe
	}
	return &Health{probe: probe}
}

// Echo reports that the probe sent at sent has come back at now. An echo is as
// old as its probe's sending, however quick its last hop was. Ignored are
// echoes that prove nothing new: of a probe not younger than one that is
// already back, of one not sent after the last Lost, and of one so old that the
// source counts as down anyway. A sent after now is taken as now.
func (h *Health) Echo(sent, now time.Time) {
	if sent.After(now) {
		sent = now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !sent.After(h.sent) || !sent.After(h.lost) || now.Sub(sent) > h.deaf() {
		return
	}
	// Perhaps nobody asked while the source was away: look back now, before the
	// evidence for it is overwritten. An echo that is late itself needs no rule of
	// its own: the next one finds it too old here.
	silence := now.Sub(h.sent)
	if silence > h.deaf() && !h.sent.IsZero() {
		h.recovering = true
	}
	if silence > h.late() {
		h.row = 0
	}
	h.sent = sent
	h.row++
	if h.row >= recovery {
		h.recovering = false
	}
}

// Lost reports that at now the source knows that no news comes, and why. It is
// down at once, and until an echo whose probe was sent after that. Repeated
// reports are harmless; the latest counts. A why that is not one of [Reasons]
// counts as ReasonSource.
func (h *Health) Lost(why Reason, now time.Time) {
	if !slices.Contains(Reasons(), why) {
		why = ReasonSource
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !now.Before(h.lost) {
		h.lost, h.why = now, why
	}
	h.row = 0
	if !h.sent.IsZero() {
		h.recovering = true
	}
}

// Missed reports that push lets browsers down though its echoes come back, see
// [Audit], and until when that is to be held against it. An earlier time than
// one that was reported before changes nothing.
func (h *Health) Missed(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.missed = later(h.missed, until)
}

// Verdict says how the source does at now. Asking changes nothing.
func (h *Health) Verdict(now time.Time) Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := Verdict{LastEcho: h.sent, Echoed: !h.sent.IsZero()}
	age := now.Sub(h.sent)
	switch {
	case !h.lost.IsZero() && !h.sent.After(h.lost):
		v.Push, v.Reason = Down, h.why
	case !v.Echoed:
		v.Push, v.Reason = Down, ReasonStarting
	case age > h.deaf():
		v.Push, v.Reason = Down, ReasonNoEcho
	case age > h.late():
		v.Push, v.Reason = Degraded, ReasonLateEcho
		v.Until = after(h.sent, h.deaf())
	case h.recovering:
		v.Push, v.Reason = Degraded, ReasonRecovering
		v.Until = after(h.sent, h.late())
	case now.Before(h.missed):
		v.Push, v.Reason = Degraded, ReasonMissed
		v.Until = after(h.sent, h.late())
		if h.missed.Before(v.Until) {
			v.Until = h.missed
		}
	default:
		v.Push, v.Reason = Healthy, ReasonNone
		v.Until = after(h.sent, h.late())
	}
	return v
}

// Doubt returns v as it is with one more reason for doubt: healthy push is
// degraded for it, and whatever is worse stays as it is.
func (v Verdict) Doubt(why Reason) Verdict {
	if v.Push == Healthy {
		v.Push, v.Reason = Degraded, why
	}
	return v
}

// late is the age above which the newest echo raises doubt.
func (h *Health) late() time.Duration { return h.probe + slack }

// deaf is the age above which the source counts as down.
func (h *Health) deaf() time.Duration { return 2*h.probe + slack }

// after is the first instant at which something begun at t is older than age.
func after(t time.Time, age time.Duration) time.Time { return t.Add(age + 1) }
