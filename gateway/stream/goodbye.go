package stream

import "slices"

// Reason is why a stream ends, as its goodbye and a metric say. The set is closed; [Reasons] lists it.
type Reason string

const (
	Drain    Reason = "drain"    // the gateway is leaving
	Rotate   Reason = "rotate"   // the stream is old, or its browser sent more than a request
	Off      Reason = "off"      // the flag excludes all its projects
	Expired  Reason = "expired"  // the token expires
	Revoked  Reason = "revoked"  // the token was revoked
	Overload Reason = "overload" // over a limit: sent instead of a stream, or to the oldest stream of a subject

	// The browser is not told the reasons below: it does not read any more.
	Gone  Reason = "gone"  // the browser went away
	Stuck Reason = "stuck" // the browser read nothing for too long
)

// Reasons returns every Reason, in a fixed order.
func Reasons() []Reason { return slices.Clone(reasons) }

var reasons = []Reason{Drain, Rotate, Off, Expired, Revoked, Overload, Gone, Stuck}

// code is the index of r in reasons: a Reason in one byte.
func (r Reason) code() uint8 { return uint8(slices.Index(reasons, r)) }

// Goodbye is the last event of a stream.
type Goodbye struct {
	Reason   Reason `json:"reason"`
	AfterMS  int64  `json:"after_ms"`  // the browser waits this long before it comes back,
	SpreadMS int64  `json:"spread_ms"` // and a random part of this
}
