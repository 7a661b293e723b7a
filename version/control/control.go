package control

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"nudge/version"
)

const (
	// maxName bounds the id and the subject of a [Revocation], in bytes.
	maxName = 256
	// MaxRevocations bounds an [Entries]; control.lua has the same number.
	MaxRevocations = 10_000
	// maxRamp bounds the ramp of an [Override].
	maxRamp = Millis(24 * time.Hour)
	// maxWhy bounds the reason of an [Override], in bytes.
	maxWhy = 256
	// maxAhead is how far ahead a revocation may reach. A greater distance is a mistake that would refuse everybody for long.
	maxAhead = 24 * time.Hour
)

// ErrFull is returned when [MaxRevocations] are in force, and one more is wanted.
var ErrFull = fmt.Errorf("%d revocations are in force, which is the most; each is kept until its tokens have expired, "+
	"so lower auth.token_life, give each its own until, or revoke everything issued before a time", MaxRevocations)

// Entries hold what all gateways are told: an override of the flag, and revocations. They never change after they were
// returned.
type Entries struct {
	Flag        FlagEntry
	Revocations []RevocationEntry // the oldest first, each once
}

// Stamp says when an entry was set: by the clock of Redis, and by a sequence number.
type Stamp struct {
	Seq  int64     `json:"seq,omitempty"` // a later change has a greater one; 0: nothing was ever set
	Time time.Time `json:"time,omitzero"`
}

// FlagEntry is the override that was set last.
type FlagEntry struct {
	Stamp
	Override *Override `json:"override"` // nil: none, or one that was cleared
}

// Override overrides the flag of each gateway's configuration.
// In JSON, as gateways and commands show it, null is what is not overridden.
type Override struct {
	Enabled bool     `json:"enabled"`
	Percent *int     `json:"percent"`           // 0 to 100; nil: what each gateway's configuration says
	Ramp    *Millis  `json:"ramp_ms"`           // up to 24 h; nil: what each gateway's configuration says
	Rollout *Rollout `json:"rollout,omitempty"` // raises Percent by itself, which then is not nil; nil: nothing does
	// Why says why a gateway ended a rollout and switched push off; "": a person set the override.
	Why string `json:"why,omitempty"`
}

// Check returns what is wrong with o.
func (o Override) Check() error {
	switch {
	case o.Percent != nil && (*o.Percent < 0 || *o.Percent > 100):
		return fmt.Errorf("percent: %d is not from 0 to 100", *o.Percent)
	case o.Ramp != nil && (*o.Ramp < 0 || *o.Ramp > maxRamp):
		return fmt.Errorf("ramp: %v is not from 0s to 24h", time.Duration(*o.Ramp))
	case len(o.Why) > maxWhy || !utf8.ValidString(o.Why):
		return fmt.Errorf("why: not UTF-8 of at most %d bytes", maxWhy)
	case o.Rollout == nil:
		return nil
	case !o.Enabled || o.Percent == nil || *o.Percent < 1 || *o.Percent > o.Rollout.Goal:
		return errors.New("rollout: needs a flag that is on, for 1 percent up to the goal")
	}
	if err := o.Rollout.Check(); err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	return nil
}

// RevocationEntry is a revocation and when it was set. Only [Decode] makes one that can be merged.
type RevocationEntry struct {
	Stamp
	Revocation
	Cleared bool   // it was taken back. The entry stays until then, so that no gateway writes the revocation back
	field   string // where it is stored: equal revocations have the same
}

// Name tells e from other entries. Equal revocations have the same.
func (e RevocationEntry) Name() string { return strings.TrimPrefix(e.field, revokeField) }

// ByState returns the revocations that are in force, and those that were taken back.
func (c Entries) ByState() (inForce, cleared []Revocation) {
	for _, e := range c.Revocations {
		if e.Cleared {
			cleared = append(cleared, e.Revocation)
		} else {
			inForce = append(inForce, e.Revocation)
		}
	}
	return inForce, cleared
}

// Revocation makes tokens invalid before they expire: those with an ID, those of a subject, or all. At least one of ID,
// Subject and Before must be set.
type Revocation struct {
	ID      string          // "jti"; "": any
	Subject string          // "sub"; "": any
	Project version.Project // with Subject: revokes only access to this project; zero: all
	Before  time.Time       // only tokens issued before; zero: all. A token without iat counts as issued before
	Until   time.Time       // when the last revoked token has expired, leeway included: the revocation is forgotten then
}

// Check returns what is wrong with r.
func (r Revocation) Check() error {
	switch {
	case r.ID == "" && r.Subject == "" && r.Before.IsZero():
		return errors.New("a revocation of nothing; name an id, a subject, or a time before which the tokens were issued")
	case r.Project != (version.Project{}) && (r.Subject == "" || r.ID != ""):
		return errors.New("a revocation of a project needs a subject, and no id")
	case r.Until.IsZero():
		return errors.New("a revocation needs a time when it may be forgotten")
	}
	for what, name := range map[string]string{"id": r.ID, "subject": r.Subject} {
		if len(name) > maxName || !utf8.ValidString(name) {
			return fmt.Errorf("%s: not UTF-8 of at most %d bytes", what, maxName)
		}
	}
	for what, at := range map[string]time.Time{"before": r.Before, "until": r.Until} {
		if !at.IsZero() && !storable(at.UnixMilli()) {
			return fmt.Errorf("%s: %v is not a time from 1970 to 9999", what, at)
		}
	}
	if n := len(r.text()); n > maxEntry-maxBeginning {
		return fmt.Errorf("a revocation of %d bytes in JSON; %d is the most", n, maxEntry-maxBeginning)
	}
	return nil
}

// WithDefaults returns r with the times that are not set, in the precision of an entry. A revocation of a subject is for the
// tokens issued before now, so that the subject can log in again. It is kept until the last of these tokens has expired:
// tokens live no longer than life, leeway included; 0: they may live for ever. The error says which time cannot be right.
func (r Revocation) WithDefaults(now time.Time, life time.Duration) (Revocation, error) {
	if r.Subject != "" && r.ID == "" && r.Before.IsZero() {
		r.Before = now
	}
	if r.Before.After(now.Add(maxAhead)) {
		return r, fmt.Errorf("before: %v is more than a day ahead, so nobody could get a valid token until then; times are in seconds since 1970, or write an earlier one",
			r.Before.UTC().Format(time.RFC3339))
	}
	switch {
	case !r.Until.IsZero():
		if !r.Until.After(now) {
			return r, fmt.Errorf("until: %v is over, so nothing would be revoked; write when the tokens expire, or leave it out",
				r.Until.UTC().Format(time.RFC3339))
		}
	case life <= 0:
		r.Until = time.UnixMilli(year10000 - 1)
	case r.Before.After(now):
		r.Until = r.Before.Add(life)
	default:
		r.Until = now.Add(life)
	}
	if !r.Before.IsZero() {
		r.Before = time.UnixMilli(r.Before.UnixMilli()).UTC()
	}
	r.Until = time.UnixMilli(r.Until.UnixMilli()).UTC()
	return r, r.Check()
}

// year10000 is when it begins, in Unix milliseconds.
const year10000 = 253_402_300_800_000

// storable tells whether a time in Unix milliseconds can be stored, and told in JSON.
func storable(ms int64) bool {
	return ms > 0 && ms < year10000
}

// Merge returns the later override of both, and all their revocations that are not over at this time. The result does not
// depend on the order of the two.
func (c Entries) Merge(d Entries, now time.Time) Entries {
	merged := Entries{Flag: c.Flag}
	if cmp.Or(d.Flag.compare(c.Flag.Stamp), cmp.Compare(d.Flag.text(), c.Flag.text())) > 0 {
		merged.Flag = d.Flag
	}
	newest := make(map[string]RevocationEntry, len(c.Revocations)+len(d.Revocations))
	for _, e := range slices.Concat(c.Revocations, d.Revocations) {
		if !now.Before(e.Until) {
			continue
		}
		// Of two with one stamp, the one in force counts, at all gateways alike.
		held, known := newest[e.field]
		if order := e.compare(held.Stamp); !known || order > 0 || order == 0 && held.Cleared {
			newest[e.field] = e
		}
	}
	for _, e := range newest {
		merged.Revocations = append(merged.Revocations, e)
	}
	slices.SortFunc(merged.Revocations, func(a, b RevocationEntry) int {
		return cmp.Or(a.compare(b.Stamp), cmp.Compare(a.field, b.field))
	})
	if over := len(merged.Revocations) - MaxRevocations; over > 0 {
		merged.Revocations = merged.Revocations[over:]
	}
	return merged
}

// compare orders stamps. Redis gives a number twice only if it loses both its data and its clock. Then any order is good that
// is the same at all gateways.
func (s Stamp) compare(t Stamp) int { return cmp.Or(cmp.Compare(s.Seq, t.Seq), s.Time.Compare(t.Time)) }
