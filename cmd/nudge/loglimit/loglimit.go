// Package loglimit limits how often the log has the same warning.
package loglimit

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

// handler keeps a fault which comes by the thousand from filling the disk. When repeatTime is over, the newest of the lines
// that were left out is logged, and says as not_logged how many they were.
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
	newest        slog.Record  // of the hidden ones
	to            slog.Handler // of newest
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
	if r.all.hide(line, r.Handler) {
		return nil
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

// hide counts a line, and reports whether it is left out. A timer then says how many were, so that nothing has to run.
func (c *repeatCounts) hide(line slog.Record, to slog.Handler) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	n := c.said[line.Message]
	if n == nil || n.hidden == 0 && now.Sub(n.begun) >= repeatTime {
		n = &repeatCount{begun: now}
		c.said[line.Message] = n
	}
	if n.lines++; n.lines <= mostRepeats {
		return false
	}
	if n.hidden++; n.hidden == 1 {
		time.AfterFunc(repeatTime-now.Sub(n.begun), func() { c.sum(line.Message) })
	}
	n.newest, n.to = line.Clone(), to
	return true
}

// sum logs how many lines were left out, and begins to count again.
func (c *repeatCounts) sum(message string) {
	c.mu.Lock()
	n := c.said[message]
	delete(c.said, message)
	c.mu.Unlock()
	n.newest.Time = time.Now()
	n.newest.AddAttrs(slog.Int("not_logged", n.hidden))
	_ = n.to.Handle(context.Background(), n.newest) // as a logger does
}
