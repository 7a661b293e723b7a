package stream

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nudge/version"
)

// Protocol is the version of the wire contract, docs/protocol.md.
const Protocol = 1

// padding is an SSE comment that makes proxies with buffers of up to 2 KiB send the first hello on.
var padding = ":" + strings.Repeat(" ", 2047) + "\n\n"

// SetHead fills the head of a stream's response. It asks proxies not to cache, change or delay the stream.
func SetHead(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
}

// AppendRetry appends the field that tells EventSource how long to wait before it reconnects.
func AppendRetry(b []byte, d time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, d.Milliseconds(), 10)
	return append(b, '\n')
}

// AppendEvent appends an event with a JSON object as data. JSON escapes line breaks, so no value breaks the line.
func AppendEvent(b []byte, name string, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil { // only our own types come here; a float that is no number would be a bug
		panic(err)
	}
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), text...)
	return append(b, "\n\n"...)
}

// AppendGoodbye appends the goodbye event.
func AppendGoodbye(b []byte, g Goodbye) []byte { return AppendEvent(b, "goodbye", g) }

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

// retryLeast and retryMost bound how soon a browser comes back when its stream breaks.
const retryLeast, retryMost = time.Second, 5 * time.Second

// RetryTime returns how long one browser waits when its stream breaks. It differs from stream to stream.
func RetryTime() time.Duration {
	return retryLeast + time.Duration(rand.Int64N(int64(retryMost-retryLeast)))
}
