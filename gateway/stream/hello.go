package stream

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"nudge/version"
)

// HelloWriter writes hellos. A hello has the whole state of a stream, and replaces all that was sent before. It does not use
// encoding/json, since after a gap or a deploy thousands of streams get hellos at the same moment. It keeps its buffers, so it
// is not safe for concurrent use. Call Begin, then Project for each project, then Append.
type HelloWriter struct {
	node []byte // a JSON string

	versions, unknown, waiting, denied, off []byte
}

// NewHelloWriter returns a writer for the gateway of this name.
func NewHelloWriter(node string) *HelloWriter {
	text, _ := json.Marshal(node) // a string always marshals
	return &HelloWriter{node: text}
}

// Begin forgets the projects of the last hello.
func (w *HelloWriter) Begin() {
	w.versions, w.unknown, w.waiting = w.versions[:0], w.unknown[:0], w.waiting[:0]
	w.denied, w.off = w.denied[:0], w.off[:0]
}

// Project adds a project. A [version.Project] holds no character that JSON escapes.
func (w *HelloWriter) Project(p version.Project, l LastSent) {
	list := &w.unknown
	switch {
	case l.Access() == Denied:
		list = &w.denied
	case l.Access() == Excluded:
		list = &w.off
	case l.Waiting():
		list = &w.waiting
	case l.Known():
		list = &w.versions
	}
	b := *list
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(append(append(b, '"'), p.String()...), '"')
	if list == &w.versions {
		b = strconv.AppendInt(append(b, ':'), int64(l.Version()), 10)
	}
	*list = b
}

// Covers reports whether all projects are served. If not, the page polls at the fast interval in spite of its stream.
func (w *HelloWriter) Covers() bool { return len(w.waiting)+len(w.denied)+len(w.off) == 0 }

// Asks reports whether the hello may make the page poll. Only the page knows its own version. So the answer is true if any
// project is neither waiting, denied nor off.
func (w *HelloWriter) Asks() bool { return len(w.versions)+len(w.unknown) > 0 }

// Append appends the hello. A page that must poll does so within spread. left is how long the token is valid; negative: for
// ever. caller is written as it is; "": it is left out.
func (w *HelloWriter) Append(b []byte, h *HeartbeatEvent, spread, left time.Duration, caller string) []byte {
	b = append(b, "event: hello\ndata: {\"protocol\":"...)
	b = strconv.AppendInt(b, Protocol, 10)
	b = append(append(b, `,"node":`...), w.node...)
	b = append(append(b, ','), h.fields...)
	b = strconv.AppendInt(append(b, `,"spread_ms":`...), spread.Milliseconds(), 10)
	if left >= 0 {
		b = strconv.AppendInt(append(b, `,"token_expires_in_s":`...), int64(left/time.Second), 10)
	}
	if caller != "" {
		b = append(append(append(b, `,"caller":"`...), caller...), '"')
	}
	b = append(append(append(b, `,"versions":{`...), w.versions...), '}')
	for _, list := range []struct {
		name  string
		items []byte
	}{{"unknown", w.unknown}, {"waiting", w.waiting}, {"denied", w.denied}, {"off", w.off}} {
		b = append(append(append(b, `,"`...), list.name...), `":[`...)
		b = append(append(b, list.items...), ']')
	}
	return append(b, "}\n\n"...)
}

// AppendPadding appends the comment that follows a stream's first hello.
func AppendPadding(b []byte) []byte { return append(b, padding...) }

// padding is an SSE comment that makes proxies with buffers of up to 2 KiB send the first hello on.
var padding = ":" + strings.Repeat(" ", 2047) + "\n\n"

// Comment returns an SSE comment, which browsers ignore: see [FlushAfter]. All streams share it: do not change it.
func Comment() []byte { return comment }

var comment = []byte(":\n\n")

// retryLeast and retryMost bound how soon a browser comes back when its stream breaks.
const retryLeast, retryMost = time.Second, 5 * time.Second

// RetryTime returns how long one browser waits when its stream breaks. It differs from stream to stream.
func RetryTime() time.Duration {
	return retryLeast + time.Duration(rand.Int64N(int64(retryMost-retryLeast)))
}

// AppendRetry appends the field that tells EventSource how long to wait before it reconnects.
func AppendRetry(b []byte, d time.Duration) []byte {
	b = append(b, "retry: "...)
	b = strconv.AppendInt(b, d.Milliseconds(), 10)
	return append(b, '\n')
}
