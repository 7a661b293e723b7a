package stream

import (
	"encoding/json"
	"strconv"
	"time"

	"nudge/version"
)

// Cadence is how often to poll now, as streams are told it.
type Cadence struct {
	Fields    []byte        // its members as they stand in every JSON object, without braces
	Heartbeat []byte        // the heartbeat event
	Every     time.Duration // time between two heartbeats of a stream
}

// HelloWriter writes hellos: all there is to say to a stream, in place of whatever it was sent before. They are written
// by hand, since thousands of streams get theirs at the same moment after a gap or a deploy. It keeps its buffers from
// one hello to the next, so it has one user at a time: Begin, Project for each, Append.
type HelloWriter struct {
	node []byte // a JSON string

	versions, unknown, waiting, denied, off []byte
	asks                                    bool
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
	w.asks = false
}

// Project adds a project. Its id needs no escape, because of what a [version.Project] may hold.
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
	w.asks = w.asks || list == &w.unknown || list == &w.versions
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

// Covers tells whether all projects are served. If not, the page polls at the fast interval in spite of its stream.
func (w *HelloWriter) Covers() bool { return len(w.waiting)+len(w.denied)+len(w.off) == 0 }

// Asks tells whether the hello may make the page poll. Only the page knows its own version, so every hello does that has
// a project which is neither waiting, denied nor off.
func (w *HelloWriter) Asks() bool { return w.asks }

// Append appends the hello. Whoever must poll does so within spread. left is how long the token lives; negative: for ever.
func (w *HelloWriter) Append(b []byte, c Cadence, spread, left time.Duration) []byte {
	b = append(b, "event: hello\ndata: {\"protocol\":"...)
	b = strconv.AppendInt(b, Protocol, 10)
	b = append(append(b, `,"node":`...), w.node...)
	b = append(append(b, ','), c.Fields...)
	b = strconv.AppendInt(append(b, `,"spread_ms":`...), spread.Milliseconds(), 10)
	if left >= 0 {
		b = strconv.AppendInt(append(b, `,"token_expires_in_s":`...), int64(left/time.Second), 10)
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
