package fallback

// Push is the state of push as a browser is told it. Its zero value is Down, so
// that a field nobody filled in costs polls and never freshness. Among Down,
// Degraded and Healthy, greater means better.
type Push uint8

const (
	// Down: news may be getting lost; browsers poll as if there were no push.
	Down Push = iota
	// Degraded: push seems to work but has yet to earn full trust.
	Degraded
	// Healthy: the source has just proved that it delivers.
	Healthy
	// Off: the flag keeps push from this caller. It says nothing about health.
	Off
)

// String is the word on the wire: "healthy", "degraded", "down" or "off". A
// value that is none of the four is "down".
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

// ParsePush reads what String wrote. Anything else is Down, as with a field that
// nobody filled in.
func ParsePush(word string) Push {
	for _, p := range []Push{Healthy, Degraded, Off} {
		if word == p.String() {
			return p
		}
	}
	return Down
}

// MarshalText gives the same word as String and never fails, so that a Push can
// stand in a JSON struct as it is.
func (p Push) MarshalText() ([]byte, error) {
	return []byte(p.String()), nil
}

// UnmarshalText reads the word, as ParsePush does, and never fails.
func (p *Push) UnmarshalText(word []byte) error {
	*p = ParsePush(string(word))
	return nil
}

// Reason is why push is not healthy: one word for logs, status and metric
// labels. The set is closed; Reasons lists it.
type Reason string

const (
	// ReasonNone: push is healthy and nothing needs explaining.
	ReasonNone Reason = ""
	// ReasonStarting: no probe has come back since this process began.
	ReasonStarting Reason = "starting"
	// ReasonLateEcho: the newest echo is old enough to doubt the source.
	ReasonLateEcho Reason = "late-echo"
	// ReasonNoEcho: the newest echo is so old that the source counts as deaf.
	ReasonNoEcho Reason = "no-echo"
	// ReasonSource: the source itself reported that no news comes, mostly since it lost its connection.
	ReasonSource Reason = "source"
	// The source itself reported that its server takes no news, and why: user or password are refused, a right is
	// missing, it is a replica, cannot save to disk, is out of memory, has too few replicas, is a Cluster with slots
	// that nobody serves, or is still reading its data.
	ReasonAuth        Reason = "auth"
	ReasonNoPerm      Reason = "noperm"
	ReasonReadOnly    Reason = "readonly"
	ReasonMisconf     Reason = "misconf"
	ReasonMemory      Reason = "oom"
	ReasonReplicas    Reason = "noreplicas"
	ReasonClusterDown Reason = "clusterdown"
	ReasonLoading     Reason = "loading"
	// ReasonRecovering: push was down, and its echoes have not yet come back
	// often enough in a row.
	ReasonRecovering Reason = "recovering"
	// ReasonSaturated: the gateway has more to do than it can, see [Saturation].
	ReasonSaturated Reason = "saturated"
	// ReasonTick: the application has fallen silent, see [TickMonitor].
	ReasonTick Reason = "tick"
	// ReasonMissed: too many browsers found by polling what push had not announced.
	ReasonMissed Reason = "missed"
)

// Reasons returns every Reason but ReasonNone, in a fixed order, so that a
// metric can show each of them as zero from the start.
func Reasons() []Reason {
	return []Reason{
		ReasonStarting, ReasonLateEcho, ReasonNoEcho, ReasonSource, ReasonRecovering, ReasonAuth, ReasonNoPerm, ReasonReadOnly,
		ReasonMisconf, ReasonMemory, ReasonReplicas, ReasonClusterDown, ReasonLoading, ReasonSaturated, ReasonTick, ReasonMissed,
	}
}
