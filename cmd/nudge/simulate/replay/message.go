package replay

import (
	"encoding/json"
	"slices"

	"nudge/cmd/nudge/simulate/browser"
)

// wire has the fields of all messages of gateways.
type wire struct {
	Push           string           `json:"push"`
	PollMS         float64          `json:"poll_ms"`
	FastMS         float64          `json:"fast_ms"`
	HeartbeatMS    float64          `json:"heartbeat_ms"`
	Jitter         *float64         `json:"jitter"`
	SpreadMS       float64          `json:"spread_ms"`
	Versions       map[string]int64 `json:"versions"`
	Unknown        []string         `json:"unknown"`
	Denied         []string         `json:"denied"`
	Off            []string         `json:"off"`
	Project        string           `json:"project"`
	Version        *int64           `json:"version"`
	Reset          bool             `json:"reset"`
	Reason         string           `json:"reason"`
	AfterMS        float64          `json:"after_ms"`
	TTLMS          float64          `json:"ttl_ms"`
	ConnectAfterMS float64          `json:"connect_after_ms"`
	Refusing       string           `json:"refusing"`
}

var pushes = map[string]browser.Push{
	"down": browser.Down, "degraded": browser.Degraded, "healthy": browser.Healthy, "off": browser.Off,
}

var reasons = map[string]browser.Reason{
	"drain": browser.Drain, "rotate": browser.Rotate, "off": browser.OffNow, "expired": browser.Expired,
	"revoked": browser.Revoked, "overload": browser.Overload,
}

var names = map[string]browser.Name{
	"hello": browser.Hello, "version": browser.Version, "heartbeat": browser.Heartbeat, "goodbye": browser.Goodbye,
}

// decode reads what a gateway says to a page that has these projects, by their names.
func decode(text []byte, projects []string) (*browser.Message, error) {
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, err
	}
	m := &browser.Message{
		Push: pushes[w.Push], Poll: w.PollMS, Fast: w.FastMS, Heartbeat: w.HeartbeatMS, Spread: w.SpreadMS,
		Jitter: or(w.Jitter, -1), Version: or(w.Version, -1),
		Reset: w.Reset, Reason: reasons[w.Reason], After: w.AfterMS, TTL: w.TTLMS, ConnectAfter: w.ConnectAfterMS,
		Denied: len(w.Denied) > 0 && len(w.Denied)+len(w.Off) >= len(projects), Excluded: len(w.Off) == len(projects),
		Refusing: w.Refusing != "", Project: max(0, slices.Index(projects, w.Project)),
	}
	for _, name := range projects {
		said := browser.Said{}
		if version, known := w.Versions[name]; known {
			said = browser.Said{Standing: browser.Known, Version: version}
		} else if slices.Contains(w.Unknown, name) {
			said.Standing = browser.Unknown
		}
		m.Said = append(m.Said, said)
	}
	return m, nil
}

func or[T any](p *T, other T) T {
	if p == nil {
		return other
	}
	return *p
}
