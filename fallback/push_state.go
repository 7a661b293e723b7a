package fallback

// Push is the state of push, as browsers get it. Its zero value is Down: a field that
// was not set costs polls, but delays no news. Among Down, Degraded and Healthy,
// greater means better.
type Push uint8

const (
	// Down: news may get lost; browsers poll as if there were no push.
	Down Push = iota
	// Degraded: push seems to work but has yet to earn full trust.
	Degraded
	// Healthy: the source has just proved that it delivers.
	Healthy
	// Off: the flag excludes this caller. It says nothing about health.
	Off
)

// String returns the word of the protocol: "healthy", "degraded", "down" or "off".
// Any other value is "down".
func (p Push) String() string {
	switch p {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case Off:
		return "off"
	default:
		return "down"
	}
}

// ParsePush parses what String returns. Anything else is Down.
func ParsePush(word string) Push {
	for _, p := range []Push{Healthy, Degraded, Off} {
		if word == p.String() {
			return p
		}
	}
	return Down
}

// MarshalText implements [encoding.TextMarshaler] with String. It never fails.
func (p Push) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with ParsePush. It never fails.
func (p *Push) UnmarshalText(word []byte) error {
	*p = ParsePush(string(word))
	return nil
}

// Reason is why push is not healthy: one word for logs, status and metric
// labels. The set is closed; Reasons lists it.
type Reason string

const (
	// ReasonNone: push is healthy.
	ReasonNone Reason = ""
	// ReasonStarting: no probe has come back since this process started.
	ReasonStarting Reason = "starting"
	// ReasonLateEcho: the newest echo is so old that the source is in doubt.
	ReasonLateEcho Reason = "late-echo"
	// ReasonNoEcho: the newest echo is so old that the source counts as deaf.
	ReasonNoEcho Reason = "no-echo"
	// ReasonSource: the source reported that it gets no news, mostly because it lost its connection.
	ReasonSource Reason = "source"
	// The source reported that its server accepts no news, and why. In this order: user or password are refused, a right
	// is missing, the server is a replica, cannot save to disk, is out of memory, has too few replicas, is a Cluster with
	// slots that nobody serves, or is still loading its data.
	ReasonAuth        Reason = "auth"
	ReasonNoPerm      Reason = "noperm"
	ReasonReadOnly    Reason = "readonly"
	ReasonMisconf     Reason = "misconf"
	ReasonMemory      Reason = "oom"
	ReasonReplicas    Reason = "noreplicas"
	ReasonClusterDown Reason = "clusterdown"
	ReasonLoading     Reason = "loading"
	// ReasonRecovering: push was down, and too few echoes in a row have come back since.
	ReasonRecovering Reason = "recovering"
	// ReasonSaturated: the gateway has more work than it can do, see [Saturation].
	ReasonSaturated Reason = "saturated"
	// ReasonTick: the application is silent, see [TickMonitor].
	ReasonTick Reason = "tick"
	// ReasonMissed: too many browsers found by polling what push had not announced.
	ReasonMissed Reason = "missed"
)

// Reasons returns every Reason except ReasonNone, in a fixed order.
func Reasons() []Reason {
	return []Reason{
		ReasonStarting, ReasonLateEcho, ReasonNoEcho, ReasonSource, ReasonRecovering, ReasonAuth, ReasonNoPerm, ReasonReadOnly,
		ReasonMisconf, ReasonMemory, ReasonReplicas, ReasonClusterDown, ReasonLoading, ReasonSaturated, ReasonTick, ReasonMissed,
	}
}
