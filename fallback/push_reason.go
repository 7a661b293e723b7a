package fallback

// Reason is why push is not healthy, in one word. A source that gets no news has reasons of its own: see [Health.Lost].
type Reason string

const (
	ReasonNone       Reason = ""           // push is healthy
	ReasonStarting   Reason = "starting"   // no probe has come back since this process started
	ReasonLateEcho   Reason = "late-echo"  // the newest echo is so old that the source is in doubt
	ReasonNoEcho     Reason = "no-echo"    // the newest echo is so old that the source counts as deaf
	ReasonSource     Reason = "source"     // the source gets no news, mostly because it lost its connection
	ReasonRecovering Reason = "recovering" // push was down, and too few echoes in a row have come back since
	ReasonSaturated  Reason = "saturated"  // the gateway has more work than it can do, see [Saturation]
	ReasonTick       Reason = "tick"       // the application is silent, see [TickMonitor]
	ReasonMissed     Reason = "missed"     // news of several projects was stored and did not arrive, see [DeafProjects]
)

// Reasons returns every Reason but ReasonNone, in a fixed order.
func Reasons() []Reason {
	return []Reason{
		ReasonStarting, ReasonLateEcho, ReasonNoEcho, ReasonSource, ReasonRecovering, ReasonSaturated, ReasonTick, ReasonMissed,
	}
}
