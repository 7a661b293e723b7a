package auth

import (
	"slices"
	"time"

	"nudge/version"
	"nudge/version/control"
)

// Revocations are those in force. The zero value holds none. A value does not change; [Revocations.With] returns another.
type Revocations struct {
	rules  []control.Revocation // the oldest first
	byName rules[string]
	byHash rules[uint64] // the same, for fingerprints
}

// mostRules bounds the revocations: twice what a source tells at once.
const mostRules = 20_000

// With returns r and what of more is new, without what is over at now, and how many are new. If there are too many, the
// oldest go.
func (r Revocations) With(more []control.Revocation, now time.Time) (merged Revocations, fresh int) {
	merged.byName, merged.byHash = rules[string]{}, rules[uint64]{}
	known := map[control.Revocation]bool{}
	all := slices.Concat(r.rules, more)
	for i, rule := range all {
		if known[rule] || !now.Before(rule.Until) || len(all)-i > mostRules {
			continue
		}
		known[rule] = true
		if i >= len(r.rules) {
			fresh++
		}
		merged.rules = append(merged.rules, rule)
		merged.byName.add(rule.ID, rule.Subject, rule)
		merged.byHash.add(hash(rule.ID), hash(rule.Subject), rule)
	}
	return merged, fresh
}

// Match reports whether the caller's token is revoked for p; zero: as a whole. It compares names, not hashes.
func (r Revocations) Match(c *Caller, p version.Project) bool {
	return len(r.rules) > 0 && !c.Open && r.byName.match(c.id, c.Subject, p, c.Issued)
}

// MatchFingerprint is [Revocations.Match] for a stream of which only the fingerprint is left.
func (r Revocations) MatchFingerprint(f Fingerprint, p version.Project) bool {
	if len(r.rules) == 0 || f == open {
		return false
	}
	id, subject, issued := f.parts()
	return r.byHash.match(id, subject, p, issued)
}

// rules are revocations by what they concern. N is a name, or the hash of one.
type rules[N comparable] map[scope[N]][]window

// scope is which tokens a revocation concerns. Zero values stand for any id, any subject, and the whole token.
type scope[N comparable] struct {
	id, subject N
	project     version.Project
}

// window is when a revocation holds, and for tokens of which time.
type window struct {
	before time.Time // only tokens issued before; zero: all
	until  time.Time
}

func (m rules[N]) add(id, subject N, r control.Revocation) {
	s := scope[N]{id, subject, r.Project}
	m[s] = append(m[s], window{r.Before, r.Until})
}

// match looks up each kind of revocation that can concern such a token, so it takes as long with many as with few.
func (m rules[N]) match(id, subject N, p version.Project, issued time.Time) bool {
	now := time.Now()
	holds := func(w window) bool {
		return now.Before(w.until) && (w.before.IsZero() || issued.Before(w.before))
	}
	var all N
	for _, s := range [...]scope[N]{{id, subject, p}, {id, all, p}, {all, subject, p}, {all, all, p}} {
		if slices.ContainsFunc(m[s], holds) {
			return true
		}
	}
	return false
}
