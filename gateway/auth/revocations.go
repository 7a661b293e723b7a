package auth

import (
	"slices"
	"time"

	"nudge/gateway/limits"
	"nudge/version"
	"nudge/version/control"
)

// Revocations are the revocations in force. The zero value holds none. A value does not change: [Revocations.With] returns
// another one.
type Revocations struct {
	rules  []control.Revocation // the oldest first
	byName index[string]
	byKey  index[limits.Key] // the same, for fingerprints
}

// mostRules bounds the revocations: twice what a source delivers at once.
const mostRules = 20_000

// Len returns how many revocations there are at now.
func (r Revocations) Len(now time.Time) (n int) {
	for _, rule := range r.rules {
		if now.Before(rule.Until) {
			n++
		}
	}
	return n
}

// With returns r with the revocations of more, and how many of these are new. It drops those of gone, which were taken back,
// those that are over at now, and the oldest ones beyond mostRules.
func (r Revocations) With(more, gone []control.Revocation, now time.Time) (merged Revocations, fresh int) {
	over := func(rule control.Revocation) bool { return !now.Before(rule.Until) }
	added := slices.DeleteFunc(slices.Clone(more), func(rule control.Revocation) bool { return over(rule) || r.has(rule) })
	if len(added) == 0 && !slices.ContainsFunc(gone, r.has) { // the usual case: a source delivers the same ones again and again
		return r, 0
	}
	taken := make(map[control.Revocation]bool, len(gone))
	for _, rule := range gone {
		taken[rule] = true
	}
	kept := slices.DeleteFunc(slices.Clone(r.rules), func(rule control.Revocation) bool { return over(rule) || taken[rule] })
	all := slices.Concat(kept, added)
	merged.byName.windows, merged.byKey.windows = map[scope[string]][]window{}, map[scope[limits.Key]][]window{}
	for i, rule := range all {
		if len(all)-i > mostRules || merged.has(rule) {
			continue
		}
		if i >= len(kept) {
			fresh++
		}
		merged.rules = append(merged.rules, rule)
		merged.byName.add(rule.ID, rule.Subject, rule)
		merged.byKey.add(limits.KeyOf(rule.ID), limits.KeyOf(rule.Subject), rule)
	}
	return merged, fresh
}

// has reports whether exactly this revocation is in r.
func (r *Revocations) has(rule control.Revocation) bool {
	return slices.Contains(r.byName.windows[scope[string]{rule.ID, rule.Subject, rule.Project}], window{rule.Before, rule.Until})
}

// Match reports whether the caller's token is revoked for p; zero: as a whole. It compares names, not hashes.
func (r Revocations) Match(c *Caller, p version.Project) bool {
	return len(r.rules) > 0 && !c.Open && r.byName.match(c.id, c.Subject, p, c.Issued)
}

// MatchFingerprint is [Revocations.Match] for a stream, which keeps only the fingerprint. It compares keys.
func (r Revocations) MatchFingerprint(f Fingerprint, p version.Project) bool {
	if len(r.rules) == 0 || f == open {
		return false
	}
	id, subject, issued := f.parts()
	return r.byKey.match(id, subject, p, issued)
}

// index finds revocations by the tokens that they revoke. N is a name, or the key of one.
type index[N comparable] struct {
	windows map[scope[N]][]window
	kinds   uint8 // a bit for each kind of scope in windows
}

// scope is which tokens a revocation revokes. Zero values stand for any id, any subject, and the whole token.
type scope[N comparable] struct {
	id, subject N
	project     version.Project
}

// window is until when a revocation holds, and for which tokens by their time of issue.
type window struct {
	before time.Time // only tokens issued before; zero: all
	until  time.Time
}

func (r *index[N]) add(id, subject N, rule control.Revocation) {
	s := scope[N]{id, subject, rule.Project}
	r.windows[s] = append(r.windows[s], window{rule.Before, rule.Until})
	r.kinds |= s.kind()
}

// match looks up each scope that contains the token, so it takes as long with many revocations as with few.
func (r *index[N]) match(id, subject N, p version.Project, issued time.Time) bool {
	holds := func(w window) bool {
		return (w.before.IsZero() || issued.Before(w.before)) && time.Now().Before(w.until)
	}
	var all N
	for _, s := range [...]scope[N]{{id, subject, p}, {id, all, p}, {all, subject, p}, {all, all, p}} {
		if r.kinds&s.kind() != 0 && slices.ContainsFunc(r.windows[s], holds) {
			return true
		}
	}
	return false
}

// kind returns a bit for the set of fields that are not zero.
func (s *scope[N]) kind() uint8 {
	var all N
	n := 0
	for i, set := range [...]bool{s.id != all, s.subject != all, s.project != (version.Project{})} {
		if set {
			n |= 1 << i
		}
	}
	return 1 << n
}
