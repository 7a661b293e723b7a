package auth

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// refusals logs why tokens are not accepted: each reason once a minute, so that none hides another, and the rest for debugging. It
// is a warning, since the application may sign all its tokens wrongly; but every token expires one day, and some are revoked.
type refusals struct {
	log   *slog.Logger
	lines map[string]*rate.Limiter // by reason
}

func newRefusals(log *slog.Logger) refusals {
	r := refusals{log, map[string]*rate.Limiter{}}
	for _, c := range checks {
		r.lines[c.name] = rate.NewLimiter(rate.Every(time.Minute), 1)
	}
	for _, reason := range []string{revokedReason, pendingReason} {
		r.lines[reason] = rate.NewLimiter(rate.Every(time.Minute), 1)
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
	level := slog.LevelDebug
	if r.lines[f.reason].Allow() {
		level = slog.LevelWarn
		if f.code == ErrExpired || f.reason == revokedReason || f.reason == pendingReason {
			level = slog.LevelInfo
		}
	}
	if ctx := context.Background(); r.log.Enabled(ctx, level) {
		r.log.Log(ctx, level, "a token is not accepted", "check", f.reason, "error", hideTokens(f.text), "fix", hideTokens(f.Fix()))
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
