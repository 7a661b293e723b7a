package gateway

import (
	"hash/maphash"
	"math"
	"slices"
	"time"

	"nudge/version"
	"nudge/version/control"
)

// Revocation takes tokens back before they expire.
type Revocation = control.Revocation

// Revoke takes tokens back: streams that began with one end with a goodbye, or with a new hello that denies the
// project; later requests with it are refused. All streams are looked at within a second or so, however many.
func (g *Gateway) Revoke(r Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	g.revokeLocked(r)
	return nil
}

// revokeLocked does so with those of all that are not in force yet, and counts them. g.change is held.
func (g *Gateway) revokeLocked(all ...Revocation) (fresh int) {
	c := *g.current.Load()
	c.revoked, fresh = c.revoked.with(all, time.Now())
	g.current.Store(&c)
	if fresh == 0 {
		return 0
	}
	for _, l := range g.loops {
		l.post(l.purge.begin)
	}
	for _, w := range g.hub.all() {
		w.reconsider()
	}
	return fresh
}

// fingerprint is what of a token tells whether it was revoked, in as few bytes as do. Names are hashed: one stream in
// four thousand million is ended in another's place, and comes back as if push had been off for it.
type fingerprint struct {
	id, subject uint32 // 0: none
	issued      uint32 // Unix second; 0: not said
}

// noToken is the fingerprint of a caller without one, who is let in all the same: nothing is as late as that.
var noToken = fingerprint{issued: math.MaxUint32}

var seed = maphash.MakeSeed()

// hash names somebody in four bytes; 0: nobody.
func hash(name string) uint32 {
	if name == "" {
		return 0
	}
	return max(1, uint32(maphash.String(seed, name)))
}

// revocations are those in force. It is never changed, only replaced.
type revocations struct {
	rules []Revocation
	by    map[uint32][]Revocation // the same by the hash of their ID, else Subject, else 0
}

// mostRules bounds the revocations: twice what a source tells at once.
const mostRules = 20_000

// with is s with what of more it has not, without what is over, and how many are new in it. The oldest go if there are too
// many.
func (s revocations) with(more []Revocation, now time.Time) (merged revocations, fresh int) {
	merged.by = map[uint32][]Revocation{}
	known := map[Revocation]bool{}
	all := slices.Concat(s.rules, more)
	for i, r := range all {
		if known[r] || !now.Before(r.Until) || len(all)-i > mostRules {
			continue
		}
		known[r] = true
		if i >= len(s.rules) {
			fresh++
		}
		merged.rules = append(merged.rules, r)
		key := hash(r.Subject)
		if r.ID != "" {
			key = hash(r.ID)
		}
		merged.by[key] = append(merged.by[key], r)
	}
	return merged, fresh
}

// match tells whether a token is revoked for a project; zero: as a whole.
func (s revocations) match(f fingerprint, p version.Project) bool {
	if len(s.rules) == 0 {
		return false
	}
	hit := func(r Revocation) bool {
		return r.Project == p && (r.ID == "" || hash(r.ID) == f.id) && (r.Subject == "" || hash(r.Subject) == f.subject) &&
			(r.Before.IsZero() || int64(f.issued)*1000 < r.Before.UnixMilli()) && time.Now().Before(r.Until)
	}
	return slices.ContainsFunc(s.by[0], hit) ||
		f.id != 0 && slices.ContainsFunc(s.by[f.id], hit) || f.subject != 0 && slices.ContainsFunc(s.by[f.subject], hit)
}
