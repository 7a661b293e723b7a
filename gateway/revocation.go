package gateway

import (
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"nudge/version"
)

// Revocation takes tokens back before they expire: those with an ID, those of a subject, or all. At least one of ID,
// Subject and Before is needed.
type Revocation struct {
	ID      string          // "jti"; "": any
	Subject string          // "sub"; "": any
	Project version.Project // with Subject: takes back only this project; zero: all
	Before  time.Time       // only what was issued before; zero: whenever. A token that does not say when counts as before
	Until   time.Time       // when the last token that it concerns has expired, leeway included: it is forgotten then
}

func (r Revocation) check() error {
	switch {
	case r.ID == "" && r.Subject == "" && r.Before.IsZero():
		return errors.New("a revocation of nothing; name an id, a subject, or a time before which the tokens were issued")
	case r.Project != (version.Project{}) && (r.Subject == "" || r.ID != ""):
		return errors.New("a revocation of a project needs a subject, and no id")
	case r.Until.IsZero():
		return errors.New("a revocation needs a time when it may be forgotten")
	}
	return nil
}

// Revoke takes tokens back: streams that began with one end with a goodbye, or with a new hello that denies the
// project; later requests with it are refused. All streams are looked at within a second or so, however many.
func (g *Gateway) Revoke(r Revocation) error {
	if err := r.check(); err != nil {
		return err
	}
	g.change.Lock()
	defer g.change.Unlock()
	c := *g.current.Load()
	c.revoked = c.revoked.with(r, time.Now())
	g.current.Store(&c)
	for _, l := range g.loops {
		l.post(l.purge.begin)
	}
	for _, w := range g.hub.all() {
		w.reconsider()
	}
	return nil
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

// with is r and what of s is still needed.
func (s revocations) with(r Revocation, now time.Time) revocations {
	left := slices.DeleteFunc(slices.Clone(s.rules), func(old Revocation) bool { return old == r || !now.Before(old.Until) })
	s = revocations{rules: append(left, r), by: map[uint32][]Revocation{}}
	for _, r := range s.rules {
		key := hash(r.Subject)
		if r.ID != "" {
			key = hash(r.ID)
		}
		s.by[key] = append(s.by[key], r)
	}
	return s
}

// match tells whether a token is revoked for a project; zero: as a whole.
func (s revocations) match(f fingerprint, p version.Project) bool {
	if len(s.rules) == 0 {
		return false
	}
	hit := func(r Revocation) bool {
		return r.Project == p && (r.ID == "" || hash(r.ID) == f.id) && (r.Subject == "" || hash(r.Subject) == f.subject) &&
			(r.Before.IsZero() || int64(f.issued) < r.Before.Unix())
	}
	return slices.ContainsFunc(s.by[0], hit) ||
		f.id != 0 && slices.ContainsFunc(s.by[f.id], hit) || f.subject != 0 && slices.ContainsFunc(s.by[f.subject], hit)
}
