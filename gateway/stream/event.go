package stream

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"nudge/version"
)

// Protocol is the version of the wire contract, docs/protocol.md.
const Protocol = 1

// SetHead fills the head of a stream's response. It asks proxies not to cache, change or delay the stream. Some do not obey
// no-transform, and hold events back to compress them (Caddy 2.6, Varnish): they leave alone what has a Content-Encoding.
func SetHead(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Content-Encoding", "identity")
	h.Set("X-Accel-Buffering", "no")
}

// appendEvent appends an event with a JSON object as data. JSON escapes line breaks, so no value breaks the line.
func appendEvent(b []byte, name string, object []byte) []byte {
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), object...)
	return append(b, "\n\n"...)
}

func marshal(object any) []byte {
	text, err := json.Marshal(object)
	if err != nil { // only our own types come here; a float that is no number would be a bug
		panic(err)
	}
	return text
}

// AppendGoodbye appends the goodbye event.
func AppendGoodbye(b []byte, g Goodbye) []byte { return appendEvent(b, "goodbye", marshal(g)) }

// appendVersion appends the event of one advance.
func appendVersion(b []byte, c version.Change, spread time.Duration, trace version.Trace, reset bool) []byte {
	id := version.Mark{Project: c.Project, Version: c.Version, Known: true}
	b = append(append(b, "id: "...), id.String()...)
	b = append(append(b, "\nevent: version\ndata: {\"project\":\""...), c.Project.String()...)
	b = strconv.AppendInt(append(b, `","version":`...), int64(c.Version), 10)
	b = strconv.AppendInt(append(b, `,"spread_ms":`...), spread.Milliseconds(), 10)
	if c.Extras != nil {
		b = c.Extras.AppendExtras(b)
	}
	if trace != "" {
		b = append(append(append(b, `,"traceparent":"`...), trace...), '"')
	}
	if reset {
		b = append(b, `,"reset":true`...)
	}
	return append(b, "}\n\n"...)
}
