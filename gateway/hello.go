package gateway

import (
	"encoding/json"
	"strconv"
	"time"

	"nudge/gateway/pace"
	"nudge/version"
)

// greeter writes hellos. They are written by hand: thousands of streams get theirs at the same moment, after a
// gap or a deploy. It keeps its buffers from one hello to the next, so it has one user at a time.
type greeter struct {
	node []byte // a JSON string

	versions, unknown, waiting, denied, off []byte
	asks                                    bool // a project may be one to poll for
}

func newGreeter(node string) *greeter {
	text, _ := json.Marshal(node) // a string always marshals
	return &greeter{node: text}
}

// covers tells whether the hello names all projects as served: else its page polls at the fast interval all the same.
func (g *greeter) covers() bool { return len(g.waiting)+len(g.denied)+len(g.off) == 0 }

// begin forgets the projects of the last hello.
func (g *greeter) begin() {
	g.versions, g.unknown, g.waiting = g.versions[:0], g.unknown[:0], g.waiting[:0]
	g.denied, g.off = g.denied[:0], g.off[:0]
	g.asks = false
}

// project puts one project where it belongs. Its id needs no escape, by what a [version.Project] may be.
func (g *greeter) project(p version.Project, s standing, t told) {
	list := &g.unknown
	switch {
	case s == denied:
		list = &g.denied
	case s == off:
		list = &g.off
	case t.waiting:
		list = &g.waiting
	case t.known:
		list = &g.versions
	}
	g.asks = g.asks || list == &g.unknown || list == &g.versions
	b := *list
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(append(append(b, '"'), p.String()...), '"')
	if list == &g.versions {
		b = strconv.AppendInt(append(b, ':'), int64(t.version), 10)
	}
	*list = b
}

// spread is over which time its browser polls, if the hello asks it to.
func (g *greeter) spread(p *pace.Pacer, now time.Time) time.Duration {
	if !g.asks {
		return 0
	}
	return p.Hello(now)
}

// append appends the hello: all there is to say to a stream, in place of whatever was said before. spread is over which
// time those poll whom hellos ask to; left is how long the token lives; negative: for ever.
func (g *greeter) append(b []byte, c *pace.Cadence, spread, left time.Duration) []byte {
	b = append(b, "event: hello\ndata: {\"protocol\":"...)
	b = strconv.AppendInt(b, protocol, 10)
	b = append(append(b, `,"node":`...), g.node...)
	b = append(append(b, ','), c.Fields...)
	b = strconv.AppendInt(append(b, `,"spread_ms":`...), spread.Milliseconds(), 10)
	if left >= 0 {
		b = strconv.AppendInt(append(b, `,"token_expires_in_s":`...), int64(left/time.Second), 10)
	}
	b = append(append(append(b, `,"versions":{`...), g.versions...), '}')
	for _, list := range []struct {
		name  string
		items []byte
	}{{"unknown", g.unknown}, {"waiting", g.waiting}, {"denied", g.denied}, {"off", g.off}} {
		b = append(append(append(b, `,"`...), list.name...), `":[`...)
		b = append(append(b, list.items...), ']')
	}
	return append(b, "}\n\n"...)
}

// recount keeps count of the streams that leave out a project of their page, when one does so, or no longer.
func (g *Gateway) recount(covered, covers bool) {
	switch {
	case covered && !covers:
		g.pace.Uncovered(1)
	case covers && !covered:
		g.pace.Uncovered(-1)
	}
}
