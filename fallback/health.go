package fallback

import (
	"cmp"
	"sync"
	"time"
)

const (
	// defaultProbe is the period assumed when none is given.
	defaultProbe = 2 * time.Second
	// slack is how long an echo may take before it counts as late. It is far above the
	// round trip of a network, so that only a sick source exceeds it.
	slack = time.Second
	// recovery is how many echoes in a row end the mistrust after an outage.
	recovery = 5
)

// Health judges a source by the echoes of its probe. Callers report what they see with Echo and Lost and ask with Verdict;
// Health holds no clock and starts nothing. It is safe for concurrent use.
//
// A source that has never echoed is down, and the first echo makes it healthy. A source that went down later is only
// degraded until 5 echoes in a row have come back.
type Health struct {
	probe time.Duration // static after construction

	mu         sync.Mutex // guards all below
	sent       time.Time  // when the probe of the newest echo was sent; zero before the first
	lost       time.Time  // when the source last reported its own failure; zero: never
	why        Reason     // the reason that it gave
	recovering bool       // the source had worked, and then was down
	row        int        // echoes since the last Lost or late echo
}

// Verdict is the state of push at one moment.
type Verdict struct {
	Push     Push      // never Off: the flag is not evidence
	Reason   Reason    // ReasonNone exactly when Push is Healthy
	LastEcho time.Time // when the probe of the newest echo was sent; zero before the first one
	Echoed   bool      // whether any echo has come back yet
	Until    time.Time // when Push or Reason changes if nothing more is reported; zero: not before the next report
}

// NewHealth returns a Health for a source that is probed once per probe; zero or less means 2 s.
func NewHealth(probe time.Duration) *Health {
	return &Health{probe: cmp.Or(max(0, probe), defaultProbe)}
}

// Echo reports that the probe sent at sent has come back at now. An echo is as old as its probe. Echo ignores echoes that
// prove nothing new: of a probe older than one that is back already, of a probe sent before the last Lost, and of a probe so
// old that the source counts as down anyway. A sent after now counts as now.
func (h *Health) Echo(sent, now time.Time) {
	if sent.After(now) {
		sent = now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !sent.After(h.sent) || !sent.After(h.lost) || now.Sub(sent) > h.deaf() {
		return
	}
	// Verdict may not have been called while the source was down, so check for that before h.sent is overwritten. An echo
	// that is late itself needs no extra rule: the next echo finds it too old here.
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

// Lost reports that the source knows at now that it gets no news, and why. Push is down at once, until the echo of a probe
// that was sent later. Reports may be repeated; the latest counts.
func (h *Health) Lost(why Reason, now time.Time) {
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

// Verdict returns the verdict at now. It changes nothing.
func (h *Health) Verdict(now time.Time) Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := now.Sub(h.sent)
	v := Verdict{LastEcho: h.sent, Echoed: !h.sent.IsZero()}
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
	default:
		v.Push = Healthy
		v.Until = after(h.sent, h.late())
	}
	return v
}

// Doubt returns v with a reason for doubt: healthy push becomes degraded. Degraded and down push stay as they are.
func (v Verdict) Doubt(why Reason) Verdict {
	if v.Push == Healthy {
		v.Push, v.Reason = Degraded, why
	}
	return v
}

// late returns the age of the newest echo above which push is degraded.
func (h *Health) late() time.Duration { return h.probe + slack }

// deaf returns the age of the newest echo above which push is down. version/redis gives up a connection after the same time
// (echoTime), so that it subscribes again when push is down.
func (h *Health) deaf() time.Duration { return 2*h.probe + slack }

// after returns the first instant at which something from t is older than age.
func after(t time.Time, age time.Duration) time.Time { return t.Add(age + 1) }
