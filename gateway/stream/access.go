package stream

import "nudge/version"

// Access is whether a caller may see a project.
type Access uint8

const (
	Served   Access = iota
	Denied          // the token does not cover it
	Excluded        // the flag excludes it
)

// Rules decide what the owner of a stream may see. They are a snapshot of the settings: each change of
// these makes new Rules. The funcs may be called by any goroutine and must not block.
type Rules struct {
	// Allows reports whether the flag allows the project.
	Allows func(Owner, version.Project) bool
	// Revoked reports whether the token was revoked for the project; with the zero Project: as a whole.
	Revoked func(Owner, version.Project) bool
}

// Subscription is one project that a stream asks for, and whether it may see it.
type Subscription struct {
	Project version.Project
	Access  Access
}

// Outcome is the result of deciding the access to all projects of a stream again.
type Outcome uint8

const (
	Unchanged   Outcome = iota
	SomeChanged         // and a project is still served
	NoneLeft            // none is served, because of the flag
	TakenBack           // none is served, because the token was revoked
)

// Judgement collects the new access to each project of one stream. Begin with [Judge].
type Judgement struct {
	rules *Rules
	owner Owner
	flag  bool // by the flag too

	whole, revoked bool // the token is revoked: as a whole, for a project
	changed, left  bool // the access to a project has changed, a project is served
}

// Judge begins to decide the access of a stream's owner again. flag: by flag and revocations; else by revocations alone. A
// change of the flag reaches streams one by one, over its ramp. A revocation reaches all at once, and must not apply a new
// flag early.
func Judge(r *Rules, o Owner, flag bool) Judgement {
	return Judgement{rules: r, owner: o, flag: flag, whole: r.Revoked(o, version.Project{})}
}

// Project returns the new access to a project. A denied project stays denied.
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

// Outcome returns the result. Call it after Project was called for each project.
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
