package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"nudge/fallback"
)

// Options say what to simulate. The zero value of a field stands for its default.
type Options struct {
	Script   string  // one of [Scripts]; "": steady
	Browsers int     // pages; 0: 30,000
	Hours    float64 // of simulated time after the fleet has settled; 0: 1
	Seed     uint64
	Projects int     // 0: one for every six pages
	Advances float64 // per second, over all projects; below 0: none; 0: one for every 1,000 pages
	Gateways int     // 0: 3, and one more for each 100,000 pages
	// Settled: no tab is opened, closed, hidden or put to sleep.
	Settled bool
	// Policy, Probe and Ramp are as in the configuration, where their defaults are.
	Policy fallback.Policy
	Probe  time.Duration
	Ramp   time.Duration
	// Latency is the time that the application needs to answer; 0: 50 ms.
	Latency time.Duration
	// Capacity is how many polls the application answers per second; the others wait. 0: no limit.
	Capacity float64
	// Off: push is switched off at the beginning, so that pages poll as they did without Nudge.
	Off bool
	// Network is the latency between gateways and pages, in one direction; 0: 20 ms.
	Network time.Duration
	// Drain is as in the configuration. Restart is the time that a process needs to start again in a rolling deploy. 0: the
	// defaults, and 2 s.
	Drain   struct{ Delay, Window time.Duration }
	Restart time.Duration
	// Connects is how many new streams a gateway accepts per second; 0: no limit.
	Connects int
	// Play, if not nil, replaces Script, Browsers, Hours, Projects, Advances and Settled.
	Play *Play
	// Progress is called now and then with the fraction that is done; nil: not called.
	Progress func(share float64)
}

// Scripts returns the names of all scripts.
func Scripts() []string {
	var names []string
	for _, s := range scripts {
		names = append(names, s.name)
	}
	return names
}

// Check sets the defaults. The error says which option is wrong.
func (o *Options) Check() error {
	if o.Script == "" || o.Play != nil {
		o.Script = scripts[0].name
	}
	if !slices.Contains(Scripts(), o.Script) {
		return fmt.Errorf("--script %q is unknown; write one of %s", o.Script, strings.Join(Scripts(), ", "))
	}
	if o.Play != nil {
		if err := o.Play.check(); err != nil {
			return err
		}
		o.Browsers, o.Projects, o.Hours, o.Settled = len(o.Play.Pages), o.Play.projects(), o.Play.Length.Hours(), true
	}
	if o.Browsers == 0 {
		o.Browsers = 30_000 // first: others follow from it
	}
	for _, n := range []struct {
		name  string
		value *int
		or    int
		most  int
	}{
		{"browsers", &o.Browsers, 0, 5_000_000},
		{"projects", &o.Projects, max(1, o.Browsers/6), 1_000_000},
		{"gateways", &o.Gateways, 3 + o.Browsers/100_000, 100},
		{"connects", &o.Connects, 0, 1_000_000},
	} {
		if *n.value == 0 {
			*n.value = n.or
		}
		if *n.value < 0 || *n.value > n.most {
			return fmt.Errorf("--%s: %d is not from 0 to %d; write a number in between", n.name, *n.value, n.most)
		}
	}
	if o.Projects > o.Browsers {
		return fmt.Errorf("--projects: %d are more than the browsers; write a smaller number", o.Projects)
	}
	if o.Hours == 0 {
		o.Hours = 1
	}
	if !(o.Hours > 0 && o.Hours <= 100) {
		return fmt.Errorf("--hours: %g is not above 0 and up to 100; write a number in between", o.Hours)
	}
	if o.Advances == 0 {
		o.Advances = float64(o.Browsers) / 1000
	}
	if !(o.Capacity >= 0 && o.Capacity <= 1e6) {
		return fmt.Errorf("--capacity: %g is not from 0 to 1000000; write a number in between, or 0 for no limit", o.Capacity)
	}
	if o.Advances > 10_000 {
		return fmt.Errorf("--advances: %g is above 10000 a second; write 10000 or less", o.Advances)
	}
	for _, d := range []struct {
		name      string
		value, or *time.Duration
	}{
		{"probe", &o.Probe, ptr(2 * time.Second)},
		{"ramp", &o.Ramp, ptr(time.Minute)},
		{"latency", &o.Latency, ptr(50 * time.Millisecond)},
		{"network", &o.Network, ptr(20 * time.Millisecond)},
		{"drain delay", &o.Drain.Delay, ptr(5 * time.Second)},
		{"drain window", &o.Drain.Window, ptr(20 * time.Second)},
		{"restart", &o.Restart, ptr(2 * time.Second)},
		{"fast", &o.Policy.Fast, ptr(10 * time.Second)},
		{"slow", &o.Policy.Slow, ptr(5 * time.Minute)},
		{"longest", &o.Policy.Longest, ptr(time.Minute)},
		{"gap", &o.Policy.Gap, ptr(time.Second)},
		{"heartbeat", &o.Policy.Heartbeat, ptr(25 * time.Second)},
	} {
		if *d.value == 0 {
			*d.value = *d.or
		}
		if *d.value < 0 {
			return fmt.Errorf("--%s: %v is below 0; write one such as %v", d.name, *d.value, *d.or)
		}
	}
	if o.Policy.Jitter == 0 {
		o.Policy.Jitter = 0.2
	}
	return nil
}

func ptr[T any](v T) *T { return &v }

// every is the time in milliseconds between changes of the project that very many pages watch; 0: there is no such project.
func (o *Options) every() int64 {
	switch o.Script {
	case "crowd":
		return 1000
	case "herd":
		return 5000
	}
	return 0
}

// warm is how long the fleet needs to settle before the measurement begins, in milliseconds. Pages open evenly over one slow
// interval, so that they poll evenly and each has polled once. A play is measured from its beginning.
func (o *Options) warm() int64 {
	if o.Play != nil {
		return 0
	}
	return o.Policy.Slow.Milliseconds() * 3 / 2
}
