// Package rollout decides when a gateway raises the percentage of users that get push, and when it switches push off again. No
// HTTP and no Redis in here.
//
// Each gateway decides for itself, by what it has seen itself. Whichever is first to have the evidence raises the percentage,
// and whichever sees a fault switches push off: both are one change of the override, which only one gateway can make. So any
// number of gateways need no leader, and a gateway that is restarted delays nothing.
package rollout

import (
	"fmt"
	"time"

	"nudge/version/control"
)

// Seen is what a gateway has seen: counts since it started, and how it is now.
type Seen struct {
	Advances uint64 // changes of projects that somebody watched
	// Slow are those of Advances that were spread over more time than the interval of pages without push.
	Slow   uint64
	Missed uint64  // reports of news that push had not announced
	Caused uint64  // polls that changes caused
	Saved  float64 // polls that streams have not made

	Healthy bool // push is, at this gateway
	Streams int  // open here
}

// Watch is one step as one gateway watches it. Its zero value watches nothing.
type Watch struct {
	Entry control.FlagEntry
	begun time.Time
	at    Seen // when this gateway first saw the step
}

// Begin returns a watch of the step that e is.
func Begin(e control.FlagEntry, s Seen, now time.Time) Watch { return Watch{e, now, s} }

// Decision is what is to be done.
type Decision struct {
	// Next is the override that is to replace the one of the step: with the next percentage, without a rollout since the goal is
	// reached and the last step has its evidence, or off since a guard found a fault. nil: wait.
	Next *control.Override
	At   time.Time // the earliest time of the next step
	Why  string    // it waits
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

// Decide returns what to do with a rollout, given what the gateway has seen by now. Without a rollout it waits.
func (w Watch) Decide(s Seen, now time.Time) Decision {
	o := w.Entry.Override
	if o == nil || o.Rollout == nil || o.Percent == nil {
		return Decision{}
	}
	next, r, seen := *o, *o.Rollout, w.since(s)
	for _, g := range r.Guards {
		if why := seen.fault(g); why != "" {
			next.Enabled, next.Rollout, next.Percent = false, nil, nil
			next.Why = fmt.Sprintf("%s at %d percent: %s", g, *o.Percent, why)
			return Decision{Next: &next}
		}
	}
	step := time.Duration(r.Step)
	at := w.Entry.Time.Add(step)
	if own := w.begun.Add(step / watchedShare); own.After(at) {
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
		next.Percent = &steps[1]
	} else {
		next.Rollout = nil
	}
	return Decision{Next: &next}
}

// since returns s with the counts of this step alone.
func (w Watch) since(s Seen) Seen {
	s.Advances, s.Slow, s.Missed = s.Advances-w.at.Advances, s.Slow-w.at.Slow, s.Missed-w.at.Missed
	s.Caused, s.Saved = s.Caused-w.at.Caused, s.Saved-w.at.Saved
	return s
}

// fault returns what the guard has found; "": nothing.
func (s Seen) fault(g control.Guard) string {
	tooMany := func(n uint64) bool { return n >= leastFaults && n*oneOf > s.Advances }
	switch {
	case g == control.GuardMissed && tooMany(s.Missed):
		return fmt.Sprintf("polls found %d changes that push had not announced, of %d", s.Missed, s.Advances)
	case g == control.GuardStaleness && tooMany(s.Slow):
		return fmt.Sprintf("%d changes of %d were spread over more time than poll.fast", s.Slow, s.Advances)
	case g == control.GuardPolls && s.Caused >= leastCaused && float64(s.Caused) > s.Saved:
		return fmt.Sprintf("changes caused %d polls, and streams saved %.0f", s.Caused, s.Saved)
	}
	return ""
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
func (w Watch) Status(s Seen, now time.Time) *Status {
	o := w.Entry.Override
	if o == nil || o.Rollout == nil || o.Percent == nil {
		return nil
	}
	d := w.Decide(s, now)
	if d.Next != nil {
		d.Why = "nothing; it is stored in a moment"
	}
	return &Status{*o.Percent, o.Rollout.Goal, o.Rollout.Guards, d.At, d.Why}
}
