package gateway

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"nudge/version"
)

// protocol is the version of the wire contract, docs/protocol.md.
const protocol = 1

// reason is why a stream ends, as it is told in a goodbye, and counted. A closed set.
type reason string

const (
	reasonDrain    reason = "drain"
	reasonRotate   reason = "rotate"
	reasonOff      reason = "off"
	reasonExpired  reason = "expired"
	reasonRevoked  reason = "revoked"
	reasonOverload reason = "overload"

	// Those below are only counted: there is nobody left to tell.
	reasonGone  reason = "gone"  // the browser went away
	reasonStuck reason = "stuck" // it took nothing for too long
)

var reasons = []reason{reasonDrain, reasonRotate, reasonOff, reasonExpired, reasonRevoked, reasonOverload, reasonGone, reasonStuck}

// code is the reason's index in reasons.
func (r reason) code() uint8 { return uint8(slices.Index(reasons, r)) }

// goodbye is what a stream is told before it ends.
type goodbye struct {
	Reason   reason `json:"reason"`
	AfterMS  int64  `json:"after_ms"`
	SpreadMS int64  `json:"spread_ms"`
}

// holdings is what is known of the projects that were asked for.
type holdings struct {
	Versions map[string]version.Version `json:"versions"`
	Unknown  []string                   `json:"unknown"`
	Waiting  []string                   `json:"waiting"`
	Denied   []string                   `json:"denied"`
	Off      []string                   `json:"off"`
}

// newHoldings has no nil in it: JSON would say null.
func newHoldings() holdings {
	return holdings{map[string]version.Version{}, []string{}, []string{}, []string{}, []string{}}
}

// padding is a comment that pushes the hello through buffers of up to 2 KiB on the way.
var padding = ":" + strings.Repeat(" ", 2047) + "\n\n"

func appendRetry(b []byte, d time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, d.Milliseconds(), 10)
	return append(b, '\n')
}

// appendEvent appends an event with a JSON object as data. No value of ours breaks the line: JSON escapes
// line breaks.
func appendEvent(b []byte, name string, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil { // our own types; a float that is no number would be a bug of ours
		panic(err)
	}
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), text...)
	return append(b, "\n\n"...)
}

// appendVersion appends the event of one advance.
func appendVersion(b []byte, c version.Change, spread time.Duration, reset bool) []byte {
	id := version.Mark{Project: c.Project, Version: c.Version, Known: true}
	b = append(append(b, "id: "...), id.String()...)
	b = append(append(b, "\nevent: version\ndata: {\"project\":\""...), c.Project.String()...)
	b = strconv.AppendInt(append(b, `","version":`...), int64(c.Version), 10)
	b = strconv.AppendInt(append(b, `,"spread_ms":`...), spread.Milliseconds(), 10)
	if c.Extras != nil {
		b = c.Extras.AppendExtras(b)
	}
	if reset {
		b = append(b, `,"reset":true`...)
	}
	return append(b, "}\n\n"...)
}

// frame is one advance, rendered once for all who watch the project.
type frame struct {
	version.Change
	spread time.Duration // over which all who hear it poll
	plain  []byte        // for whoever knows a lower version of this era
	reset  []byte        // for whoever knows a version of the era before, if this one began with a reset
}

func newFrame(c version.Change, spread time.Duration) *frame {
	f := &frame{Change: c, spread: spread}
	if c.Known {
		f.plain = appendVersion(nil, c, spread, false)
	}
	if c.Known && c.Reset {
		f.reset = appendVersion(nil, c, spread, true)
	}
	return f
}
