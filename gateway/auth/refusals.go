package auth

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"nudge/gateway/limits"
)

// refusals logs why tokens are not accepted: each reason by itself, so that none hides another, and the rest for debugging. It
// is a warning, since the application may sign all its tokens wrongly; but every token expires one day, and some are revoked.
type refusals struct {
	log   *slog.Logger
	lines map[string]*repeated // by reason
}

func newRefusals(log *slog.Logger) refusals {
	r := refusals{log, map[string]*repeated{}}
	for _, c := range checks {
		r.lines[c.name] = newRepeated()
	}
	for _, reason := range []string{revokedReason, pendingReason} {
		r.lines[reason] = newRepeated()
	}
	return r
}

// The reason of tokens that are good, but revoked, and of those whose key is being read.
const revokedReason, pendingReason = "revoked", "pending"

// report logs a fault, if there is one, and returns the error for the answer.
func (r refusals) report(f *fault) error {
	if f == nil {
		return nil
	}
	level, text := slog.LevelDebug, f.text
	if f.code == ErrExpired {
		text = "" // which says how long ago, so it is another each time
	}
	times, tell := r.lines[f.reason].happened(text)
	if tell {
		level = slog.LevelWarn
		if f.code == ErrExpired || f.reason == revokedReason || f.reason == pendingReason {
			level = slog.LevelInfo
		}
	}
	if ctx := context.Background(); r.log.Enabled(ctx, level) {
		r.log.Log(ctx, level, "a token is not accepted", "check", f.reason, "error", hideTokens(f.text), "fix", hideTokens(f.Fix()), "times", max(1, times))
	}
	return f.code
}

// token matches the beginning of a token, and what follows of it.
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_.-]+`)

// hideTokens hides tokens within a text: a claim or a field of the header may hold another token.
func hideTokens(text string) string {
	if !strings.Contains(text, "eyJ") {
		return text
	}
	return token.ReplaceAllString(text, "(a token)")
}

// repeated says which failures of callers the log tells, of one kind. The same one again and again, as of one page that nobody
// closes, is told at a growing distance. Another one is told within a minute, at most one a minute: anybody can cause them.
type repeated struct {
	mu       sync.Mutex // guards all
	text     string     // of the failure that was told last
	distance limits.GrowingDistance
	others   *rate.Limiter
}

func newRepeated() *repeated { return &repeated{others: rate.NewLimiter(rate.Every(time.Minute), 1)} }

// happened reports whether the failure is told, and how many there were since the last that was.
func (r *repeated) happened(text string) (times int, tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if text != r.text && r.others.AllowN(now, 1) {
		r.text, r.distance = text, limits.GrowingDistance{}
	}
	return r.distance.Happened(now)
}
