package fallback_test

import (
	"fmt"
	"time"

	"nudge/fallback"
)

// What a browser is told as evidence comes and goes.
func Example() {
	start := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	health := fallback.NewHealth(2 * time.Second)
	policy := fallback.Policy{Fast: 10 * time.Second, Slow: 5 * time.Minute, Jitter: 0.2}

	tell := func(now time.Time) {
		v := health.Verdict(now)
		c := policy.Cadence(fallback.Input{Push: v.Push, Share: 1, Step: fallback.Trusted})
		fmt.Printf("%-8v %-9s poll every %v\n", v.Push, v.Reason, c.Poll)
	}
	tell(start)
	health.Echo(start, start.Add(3*time.Millisecond))
	tell(start.Add(time.Second))
	tell(start.Add(4 * time.Second))
	tell(start.Add(6 * time.Second))
	// Output:
	// down     starting  poll every 10s
	// healthy            poll every 5m0s
	// degraded late-echo poll every 30s
	// down     no-echo   poll every 10s
}

func ExampleFlag_Allows() {
	flag := fallback.Flag{
		Enabled: true,
		Percent: 50,
		Include: []string{"team-a:*"},
		Exclude: []string{"team-a:secret"},
	}
	fmt.Println(flag.Allows(fallback.BucketOf("alice"), "team-a:42"))
	fmt.Println(flag.Allows(fallback.BucketOf("bob"), "team-a:42")) // not among the 50 %
	fmt.Println(flag.Allows(fallback.BucketOf("alice"), "team-a:secret"))
	fmt.Println(flag.Allows(fallback.BucketOf("alice"), "team-b:42"))
	// Output:
	// true
	// false
	// false
	// false
}

// Switching push off does not drop the whole load on the application at once.
func ExampleRamp() {
	start := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	ramp := fallback.NewRamp(true).Turn(false, time.Minute, start)
	policy := fallback.Policy{Fast: 10 * time.Second, Slow: 5 * time.Minute, Jitter: 0.2}

	for _, s := range []int{0, 6, 15, 30, 60} {
		now := start.Add(time.Duration(s) * time.Second)
		c := policy.Cadence(fallback.Input{Push: fallback.Healthy, Share: ramp.Share(now), Step: fallback.Trusted})
		fmt.Printf("after %2d s: every %v\n", s, c.Poll.Round(time.Second))
	}
	// Output:
	// after  0 s: every 5m0s
	// after  6 s: every 1m23s
	// after 15 s: every 48s
	// after 30 s: every 21s
	// after 60 s: every 10s
}
