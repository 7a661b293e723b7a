package stream

import "nudge/version"

// Rules decide what the owner of a stream may see. They are a snapshot of the settings: each change of
// these makes new Rules. The funcs may be called by any goroutine and must not block.
type Rules struct {
	// Allows tells whether the flag allows the project.
	Allows func(Owner, version.Project) bool
	// Revoked tells whether the token was revoked for the project; the zero Project: as a whole.
	Revoked func(Owner, version.Project) bool
}

// Subscription is one project that a stream asks for, and whether it may see it.
type Subscription struct {
	Project version.Project
	Access  Access
}

// Outcome is what a new look at the access to all projects of a stream came to.
type Outcome uint8

const (
	Unchanged   Outcome = iota
	SomeChanged         // and something is left
	NoneLeft            // the flag excludes what is left
	TakenBack           // the token was revoked, as a whole or for all that was left
)

// Judgement collects the new access to each project of one stream. Begin with [Judge].
type Judgement struct {
	rules   *Rules
	owner   Owner
	flag    bool
	whole   bool
	changed bool
	left    bool
	revoked bool
}

// Judge begins a new look at the access of a stream's owner. flag: the flag counts too, and not only revocations. A
// change of the flag reaches streams one by one, over its ramp; a revocation reaches all at once, and must not carry the
// flag with it.
func Judge(r *Rules, o Owner, flag bool) Judgement {
	return Judgement{rules: r, owner: o, flag: flag, whole: r.Revoked(o, version.Project{})}
}

// Project returns the new access to a project. What the token does not cover stays denied.
func (j *Judgement) Project(p version.Project, before Access) (after Access) {
	after = before
	switch {
	case before == Denied:
		return Denied
	case j.rules.Revoked(j.owner, p):
		after, j.revoked = Denied, true
	case j.flag && j.rules.Allows(j.owner, p):
		after = Served
	case j.flag:
		after = Excluded
	}
	j.changed = j.changed || after != before
	j.left = j.left || after == Served
	return after
}

// Outcome is what the look at all projects came to.
func (j *Judgement) Outcome() Outcome {
	switch {
	case j.whole || j.revoked && !j.left:
		return TakenBack
	case !j.left && j.flag:
		return NoneLeft
	case j.changed:
		return SomeChanged
	}
	return Unchanged
}
