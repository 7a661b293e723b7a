package pace

import (
	"math/rand/v2"
	"slices"
	"time"

	"nudge/fallback"
	"nudge/version/control"
)

// Flag is the feature flag in force, and the two parts that make it.
type Flag struct {
	fallback.Flag                   // in force
	Own           fallback.Flag     // of the configuration
	Fleet         control.FlagEntry // the override for the whole fleet
}

// NewFlag applies the fleet's override to the flag of the configuration. A flag that the configuration switches off stays
// off: so operators can switch push off while Redis is broken. The projects that push serves are never overridden.
func NewFlag(own fallback.Flag, fleet control.FlagEntry) Flag {
	f := Flag{own, own, fleet}
	o := fleet.Override
	if o == nil || !own.Enabled {
		return f
	}
	f.Enabled = o.Enabled
	if o.Percent != nil {
		f.Percent = *o.Percent
	}
	if o.Ramp != nil {
		f.Ramp = time.Duration(*o.Ramp)
	}
	return f
}

// By returns which part decided: "override" or "configuration".
func (f Flag) By() string {
	if f.Own.Enabled && f.Fleet.Override != nil {
		return "override"
	}
	return "configuration"
}

// FlagStatus is a [Flag] in JSON.
type FlagStatus struct {
	Enabled bool              `json:"enabled"`
	Percent int               `json:"percent"`
	Include []string          `json:"include"`
	Exclude []string          `json:"exclude"`
	RampMS  int64             `json:"ramp_ms"`
	By      string            `json:"by"`    // "configuration" or "override"
	Own     control.Override  `json:"own"`   // the configuration's values of what can be overridden
	Fleet   control.FlagEntry `json:"fleet"` // the override for the whole fleet
}

// Status returns f in its JSON form.
func (f Flag) Status() FlagStatus {
	return FlagStatus{
		Enabled: f.Enabled, Percent: f.Percent,
		Include: append([]string{}, f.Include...), Exclude: append([]string{}, f.Exclude...), // not nil, which would be null in JSON
		RampMS: f.Ramp.Milliseconds(), By: f.By(),
		Own: control.Override{Enabled: f.Own.Enabled, Percent: &f.Own.Percent, Ramp: (*control.Millis)(&f.Own.Ramp)}, Fleet: f.Fleet,
	}
}

// Apply puts a policy and a flag in force, and reports whether the flag changed. If the flag is switched on or off, the
// interval moves over the flag's ramp. If it admits more callers, their new streams are spread over the ramp. During a start
// there is no ramp, since nothing changes. A ramp that becomes 0 counts as a change: a change under way is then completed
// at once.
func (p *Pacer) Apply(policy fallback.Policy, flag fallback.Flag) (flagChanged bool) {
	now := time.Now()
	over := flag.Ramp
	if !p.Settled(now) {
		over = 0
	}
	p.mu.Lock()
	flagChanged = !sameFlag(p.flag, flag) || flag.Ramp <= 0 && p.flag.Ramp > 0
	if flagChanged {
		p.spreadUntil = now.Add(over)
	}
	p.controller.Turn(policy, flag.Enabled, over, now)
	p.flag = flag
	p.mu.Unlock()
	p.wake.Set()
	return flagChanged
}

// sameFlag reports whether two flags admit the same callers to the same projects.
func sameFlag(a, b fallback.Flag) bool {
	return a.Enabled == b.Enabled && a.Percent == b.Percent &&
		slices.Equal(a.Include, b.Include) && slices.Equal(a.Exclude, b.Exclude)
}

// ConnectAfter returns how long one caller should wait before it opens a stream, while a change of the flag is under way. It
// is random, so that callers are spread.
func (p *Pacer) ConnectAfter() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := time.Until(p.spreadUntil)
	if left <= 0 {
		return 0
	}
	return time.Duration(rand.Float64() * float64(left))
}
