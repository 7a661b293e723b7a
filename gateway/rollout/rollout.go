// Package rollout decides when a gateway raises the percentage of users that get push, and when it switches push off again. No
// HTTP and no Redis in here.
//
// Each gateway decides for itself, by what it has seen itself. Whichever is first to have the evidence raises the percentage,
// and whichever sees a fault switches push off: both are one change of the override, which only one gateway can make. So any
// number of gateways need no leader, and a gateway that is restarted delays nothing.
package rollout

import (
	"fmt"
	"slices"
	"time"

	"nudge/version/control"
)

// Counts are what a gateway has counted since it started.
type Counts struct {
	Advances uint64 // changes of projects that somebody watched
	// Slow are those of Advances that were spread over more time than the interval of pages without push.
	Slow   uint64
	Missed uint64  // reports of news that push had not announced
	Caused uint64  // polls that changes caused
	Saved  float64 // polls that streams have not made
}

// Watch is one step as one gateway watches it. Its zero value watches nothing.
type Watch struct {
	Entry control.FlagEntry
	begun time.Time
	at    Counts // when this gateway first saw the step
}

// Begin returns a watch of the step that e is.
func Begin(e control.FlagEntry, c Counts, now time.Time) Watch { return Watch{e, now, c} }

// State is what else a decision depends on.
type State struct {
	Healthy bool // push is, at this gateway
	Streams int  // open here
}

// Action is what is to be done.
type Action int

const (
	Wait Action = iota
	Raise
	Finish // the goal is reached, and the last step has its evidence
	Stop   // a guard found a fault: push is to be switched off
)

// Decision is what is to be done, and why.
type Decision struct {
	Action  Action
	Percent int       // Raise: the next step
	At      time.Time // Wait: the earliest time of the next step
	Why     string    // Wait, Stop: in a sentence
}

const (
	// leastFaults is how many faults are needed before their share counts: one may be an accident.
	leastFaults = 3
	// leastCaused is how many polls have to be caused before they are compared with those that were saved.
	leastCaused = 100
	// oneOf is of how many changes one may be missed, or be late.
	oneOf = 100
	// watchedShare is which part of a step a gateway has to have watched itself before it raises the percentage.
	watchedShare = 10
)

// Decide returns what to do with a rollout, given what the gateway has counted by now. Without a rollout it returns Wait.
func (w Watch) Decide(c Counts, s State, now time.Time) Decision {
	o := w.Entry.Override
	if o == nil || o.Rollout == nil || o.Percent == nil {
		return Decision{}
	}
	r, seen := *o.Rollout, w.since(c)
	for _, g := range r.Guards {
		if why := seen.fault(g); why != "" {
			return Decision{Action: Stop, Why: fmt.Sprintf("%s at %d percent: %s", g, *o.Percent, why)}
		}
	}
	at := w.Entry.Time.Add(r.Step)
	if own := w.begun.Add(r.Step / watchedShare); own.After(at) {
		at = own
	}
	wait := func(why string) Decision { return Decision{At: at, Why: why} }
	switch {
	case now.Before(at):
		return wait("the step is not over")
	case !s.Healthy:
		return wait("push is not healthy at this gateway")
	case s.Streams == 0:
		return wait("no page has a stream at this gateway")
	case seen.Advances == 0:
		return wait("no project that is watched here has changed since the step began")
	}
	if steps := control.Steps(*o.Percent, r.Goal); len(steps) > 1 {
		return Decision{Action: Raise, Percent: steps[1]}
	}
	return Decision{Action: Finish}
}

func (w Watch) since(c Counts) Counts {
	return Counts{c.Advances - w.at.Advances, c.Slow - w.at.Slow, c.Missed - w.at.Missed, c.Caused - w.at.Caused, c.Saved - w.at.Saved}
}

// fault returns what the guard has found; "": nothing.
func (c Counts) fault(g control.Guard) string {
	tooMany := func(n uint64) bool { return n >= leastFaults && n*oneOf > c.Advances }
	switch {
	case g == control.GuardMissed && tooMany(c.Missed):
		return fmt.Sprintf("polls found %d changes that push had not announced, of %d", c.Missed, c.Advances)
	case g == control.GuardStaleness && tooMany(c.Slow):
		return fmt.Sprintf("%d changes of %d were spread over more time than poll.fast", c.Slow, c.Advances)
	case g == control.GuardPolls && c.Caused >= leastCaused && float64(c.Caused) > c.Saved:
		return fmt.Sprintf("changes caused %d polls, and streams saved %.0f", c.Caused, c.Saved)
	}
	return ""
}

// Override returns the override that carries out d, which is not Wait.
func (w Watch) Override(d Decision) control.Override {
	o := *w.Entry.Override
	switch d.Action {
	case Raise:
		o.Percent = &d.Percent
	case Finish:
		o.Rollout = nil
	case Stop:
		o.Enabled, o.Rollout, o.Percent, o.Why = false, nil, nil, d.Why
	}
	return o
}

// Status is a rollout as one gateway sees it, in JSON.
type Status struct {
	Percent int             `json:"percent"`
	Goal    int             `json:"goal"`
	Guards  []control.Guard `json:"guards"`
	// NextAt is the earliest time of the next step, and Waits what it still waits for at this gateway; another gateway may have
	// all that it needs.
	NextAt time.Time `json:"next_at"`
	Waits  string    `json:"waits"`
}

// Status returns the rollout; nil: there is none.
func (w Watch) Status(c Counts, s State, now time.Time) *Status {
	o := w.Entry.Override
	if o == nil || o.Rollout == nil || o.Percent == nil {
		return nil
	}
	d := w.Decide(c, s, now)
	waits := d.Why
	if d.Action != Wait {
		waits = "nothing; it is stored in a moment"
	}
	return &Status{*o.Percent, o.Rollout.Goal, slices.Clone(o.Rollout.Guards), d.At, waits}
}
