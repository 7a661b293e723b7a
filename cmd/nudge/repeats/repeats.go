// Package repeats limits how often the log has the same warning.
package repeats

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// mostRepeats is how many lines with the same message of WARN or ERROR are logged in repeatTime; the others are counted.
	mostRepeats = 10
	repeatTime  = time.Minute
)

// handler keeps a fault which comes by the thousand from filling the disk. The first line after repeatTime
// says as not_logged how many were left out.
type handler struct {
	slog.Handler
	all *repeatCounts
}

type repeatCounts struct {
	mu   sync.Mutex
	said map[string]*repeatCount // by message, all of which are in the source
}

type repeatCount struct {
	begun         time.Time
	lines, hidden int
}

// New returns a handler that gives lines to h, at most ten a minute of each message of WARN and ERROR.
func New(h slog.Handler) slog.Handler {
	return handler{h, &repeatCounts{said: map[string]*repeatCount{}}}
}

// Handle implements [slog.Handler].
func (r handler) Handle(ctx context.Context, line slog.Record) error {
	if line.Level < slog.LevelWarn {
		return r.Handler.Handle(ctx, line)
	}
	logged, hidden := r.all.take(line.Message, time.Now())
	if !logged {
		return nil
	}
	if hidden > 0 {
		line = line.Clone()
		line.AddAttrs(slog.Int("not_logged", hidden))
	}
	return r.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (r handler) WithAttrs(a []slog.Attr) slog.Handler {
	return handler{r.Handler.WithAttrs(a), r.all}
}

// WithGroup implements [slog.Handler].
func (r handler) WithGroup(name string) slog.Handler {
	return handler{r.Handler.WithGroup(name), r.all}
}

// take counts a line, and tells whether it is logged, and how many before it were not.
func (c *repeatCounts) take(message string, now time.Time) (logged bool, hidden int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.said[message]
	if n == nil {
		n = &repeatCount{begun: now}
		c.said[message] = n
	}
	if now.Sub(n.begun) >= repeatTime {
		hidden = n.hidden
		*n = repeatCount{begun: now}
	}
	if n.lines++; n.lines > mostRepeats {
		n.hidden++
		return false, 0
	}
	return true, hidden
}
