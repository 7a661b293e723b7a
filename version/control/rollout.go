package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rollout raises the percentage of an [Override] by itself, step by step. Gateways do so; the percentage of the override is the
// step that it has reached. A step is stored as an override of its own, so its [Stamp] says when the step began.
type Rollout struct {
	Goal   int     `json:"goal"`    // the percentage of the last step, 1 to 100
	Step   Millis  `json:"step_ms"` // how long each step takes at least, 100 ms to 90 days
	Guards []Guard `json:"guards"`  // what switches push off again; none: empty, since nil would be null in JSON
}

// Millis is a time that JSON has in whole milliseconds.
type Millis time.Duration

// MarshalJSON implements [json.Marshaler].
func (m Millis) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(m).Milliseconds())
}

// UnmarshalJSON implements [json.Unmarshaler]. A time that would overflow becomes one that every Check refuses.
func (m *Millis) UnmarshalJSON(text []byte) error {
	var ms int64
	err := json.Unmarshal(text, &ms)
	*m = Millis(min(max(ms, -1), 2*time.Duration(maxStep).Milliseconds())) * Millis(time.Millisecond)
	return err
}

// Guard is what ends a [Rollout] and switches push off. The set is closed; Guards lists it.
type Guard string

const (
	// GuardMissed: polls found news that push had not announced.
	GuardMissed Guard = "missed"
	// GuardStaleness: news reached pages later than their old polls would have found it.
	GuardStaleness Guard = "staleness"
	// GuardPolls: changes caused more polls than push saved.
	GuardPolls Guard = "polls"
)

// Guards returns every Guard, in a fixed order.
func Guards() []Guard { return []Guard{GuardMissed, GuardStaleness, GuardPolls} }

const (
	minStep = Millis(100 * time.Millisecond)
	maxStep = Millis(90 * 24 * time.Hour)
)

// Check returns what is wrong with r.
func (r Rollout) Check() error {
	switch {
	case r.Goal < 1 || r.Goal > 100:
		return fmt.Errorf("goal: %d is not from 1 to 100", r.Goal)
	case r.Step < minStep || r.Step > maxStep:
		return fmt.Errorf("step: %v is not from 100ms to 90 days", time.Duration(r.Step))
	}
	for _, g := range r.Guards {
		if !slices.Contains(Guards(), g) {
			return fmt.Errorf("guard: %.32q is none; there are %s", g, strings.Join(GuardNames(), ", "))
		}
	}
	return nil
}

// GuardNames returns the names of all guards.
func GuardNames() (names []string) {
	for _, g := range Guards() {
		names = append(names, string(g))
	}
	return names
}

// Steps returns the percentages of a rollout from first to goal, in order, with both.
func Steps(first, goal int) []int {
	steps := []int{first}
	for _, percent := range []int{1, 2, 5, 10, 20, 50, goal} {
		if percent > steps[len(steps)-1] && percent <= goal {
			steps = append(steps, percent)
		}
	}
	return steps
}
