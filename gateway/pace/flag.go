package pace

import (
	"math/rand/v2"
	"slices"
	"time"

	"nudge/fallback"
	"nudge/version/control"
)

// Flag is the feature flag in force, and what it follows from.
type Flag struct {
	fallback.Flag                   // in force
	Own           fallback.Flag     // of the configuration
	Fleet         control.FlagEntry // what the fleet was told last
}

// NewFlag puts what the fleet was told over the flag of the configuration. A flag that is off itself stays off: so push
// can be switched off where Redis is what broke. Which projects push serves is always each gateway's own.
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
		f.Ramp = *o.Ramp
	}
	return f
}

// By says who decided: "override" or "configuration".
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
	Own     control.Override  `json:"own"`   // what the configuration says of all that can be overridden
	Fleet   control.FlagEntry `json:"fleet"` // what the fleet was told last
}

// Status is f in JSON.
func (f Flag) Status() FlagStatus {
	return FlagStatus{
		Enabled: f.Enabled, Percent: f.Percent, Include: orEmpty(f.Include), Exclude: orEmpty(f.Exclude),
		RampMS: f.Ramp.Milliseconds(), By: f.By(),
		Own: control.Override{Enabled: f.Own.Enabled, Percent: &f.Own.Percent, Ramp: &f.Own.Ramp}, Fleet: f.Fleet,
	}
}

// orEmpty is s, or [] in JSON where that is nil.
func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Apply takes a new policy and the flag in force, and reports whether the flag changed. A flag that is switched moves the
// interval over its ramp; one that lets more callers in spreads their coming over the same. During a start there is no
// ramp: what was set before is nobody's change. A ramp that was cut to nothing counts as a change too: what is still on
// its way is to be there at once.
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
	p.signal()
	return flagChanged
}

// sameFlag tells whether two flags admit the same callers.
func sameFlag(a, b fallback.Flag) bool {
	return a.Enabled == b.Enabled && a.Percent == b.Percent &&
		slices.Equal(a.Include, b.Include) && slices.Equal(a.Exclude, b.Exclude)
}

// ConnectAfter is when one caller may open a stream after a change of the flag; 0: at once. It differs from call to call.
func (p *Pacer) ConnectAfter() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := time.Until(p.spreadUntil)
	if left <= 0 {
		return 0
	}
	return time.Duration(rand.Float64() * float64(left))
}
