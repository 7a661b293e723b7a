package load

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"nudge/cmd/nudge/terminal"
	"nudge/internal/quantity"
)

// progress shows what the run is doing. On a terminal each line replaces the one before. Elsewhere there is also a line at the
// begin of each phase.
type progress struct {
	out      io.Writer // nil: nobody is told
	terminal bool
	begun    chan struct{} // holds a token when there is a new phase

	mu       sync.Mutex // guards all below
	name     string
	since    time.Time // of the phase
	advances int64
	last     counts // that were shown
	lastAt   time.Time
}

func newProgress(out io.Writer, terminal bool) *progress {
	return &progress{out: out, terminal: terminal, begun: make(chan struct{}, 1)}
}

// phase begins a phase. Its name is a word such as connecting.
func (p *progress) phase(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name, p.since = name, time.Now()
	select {
	case p.begun <- struct{}{}:
	default:
	}
}

func (p *progress) published(advances int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.advances = advances
}

// run shows a line now and then, until ctx ends.
func (p *progress) run(ctx context.Context, line func() string) {
	if p.out == nil {
		return
	}
	every := terminal.PlainEvery
	if p.terminal {
		every = terminal.TerminalEvery
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			if p.terminal {
				fmt.Fprint(p.out, "\r\x1b[K")
			}
			return
		case <-ticks.C:
		case <-p.begun:
		}
		if p.terminal {
			fmt.Fprintf(p.out, "\r\x1b[K%s", line())
			continue
		}
		fmt.Fprintln(p.out, line())
	}
}

// line is the state of a run with streams streams, for people.
func (p *progress) line(c counts, streams int, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf("%s %s: %s of %s open", p.name, now.Sub(p.since).Truncate(time.Second), quantity.Number(c.Open), quantity.Of(streams, "stream"))
	took := now.Sub(p.lastAt).Seconds()
	if p.lastAt.IsZero() || took <= 0 {
		took = 0
	}
	if c.Trying > 0 {
		text += fmt.Sprintf(", %s to go", quantity.Number(c.Trying))
	}
	if opened := c.Connected.Opened - p.last.Connected.Opened; took > 0 && opened > 0 {
		text += fmt.Sprintf(", %s/s", quantity.Number(float64(opened)/took))
	}
	if p.advances > 0 {
		text += fmt.Sprintf("; %s, %s delivered", quantity.Of(p.advances, "advance"), quantity.Number(c.Delivered))
	}
	if delivered := c.Delivered - p.last.Delivered; took > 0 && delivered > 0 {
		text += fmt.Sprintf(" (%s/s)", quantity.Number(float64(delivered)/took))
	}
	for _, bad := range []struct {
		n    int64
		what string
	}{{sum(c.Connected.Refused), "refused"}, {sum(c.Connected.Failed), "failed"}, {sum(c.Closed), "closed"}} {
		if bad.n > 0 {
			text += fmt.Sprintf(", %s %s", quantity.Number(bad.n), bad.what)
		}
	}
	p.last, p.lastAt = c, now
	return text
}
