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
	rules   []control.Revocation // the oldest first
	byScope map[scope][]control.Revocation
	kinds   uint8 // a bit for each kind of scope in byScope
}

// scope is which tokens a revocation revokes. Zero values stand for any id, any subject, and the whole token.
type scope struct {
	id, subject limits.Key
	project     version.Project
}

func scopeOf(r control.Revocation) scope {
	return scope{limits.KeyOf(r.ID), limits.KeyOf(r.Subject), r.Project}
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
	merged.byScope = map[scope][]control.Revocation{}
	for i, rule := range all {
		if len(all)-i > mostRules || merged.has(rule) {
			continue
		}
		if i >= len(kept) {
			fresh++
		}
		merged.rules = append(merged.rules, rule)
		s := scopeOf(rule)
		merged.byScope[s] = append(merged.byScope[s], rule)
		merged.kinds |= s.kind()
	}
	return merged, fresh
}

// has reports whether exactly this revocation is in r.
func (r *Revocations) has(rule control.Revocation) bool {
	return slices.Contains(r.byScope[scopeOf(rule)], rule)
}

// Match reports whether the caller's token is revoked for p; zero: as a whole. It compares names, not only hashes.
func (r Revocations) Match(c *Caller, p version.Project) bool {
	return len(r.rules) > 0 && r.match(c.Fingerprint(), p, func(rule control.Revocation) bool {
		return (rule.ID == "" || rule.ID == c.id) && (rule.Subject == "" || rule.Subject == c.Subject)
	})
}

// MatchFingerprint is [Revocations.Match] for a stream, which keeps only the fingerprint. It compares keys.
func (r Revocations) MatchFingerprint(f Fingerprint, p version.Project) bool {
	return len(r.rules) > 0 && r.match(f, p, func(control.Revocation) bool { return true })
}

// match looks up each scope that contains the token, so it takes as long with many revocations as with few. confirm decides
// about each revocation that is found.
func (r *Revocations) match(f Fingerprint, p version.Project, confirm func(control.Revocation) bool) bool {
	if f == open {
		return false
	}
	issued := time.Unix(int64(f.Issued), 0)
	holds := func(rule control.Revocation) bool {
		return (rule.Before.IsZero() || issued.Before(rule.Before)) && time.Now().Before(rule.Until) && confirm(rule)
	}
	for _, s := range [...]scope{{f.ID, f.Subject, p}, {f.ID, limits.Nobody, p}, {limits.Nobody, f.Subject, p}, {project: p}} {
		if r.kinds&s.kind() != 0 && slices.ContainsFunc(r.byScope[s], holds) {
			return true
		}
	}
	return false
}

// kind returns a bit for the set of fields that are not zero.
func (s *scope) kind() uint8 {
	n := 0
	for i, set := range [...]bool{s.id != limits.Nobody, s.subject != limits.Nobody, s.project != (version.Project{})} {
		if set {
			n |= 1 << i
		}
	}
	return 1 << n
}
