package gateway_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

// opened opens n streams of as many subjects.
func opened(r *rig, n int) []*tap {
	r.t.Helper()
	all := make([]*tap, n)
	for i := range all {
		all[i] = r.open("/events?project=42", as(fmt.Sprint("s-", i)))
	}
	return all
}

// farewells are when the streams were told goodbye for this reason; those that were not are left out.
func farewells(t *testing.T, all []*tap, reason string) []time.Time {
	t.Helper()
	var at []time.Time
	for _, s := range all {
		if e := only("goodbye", s.now()); len(e) > 0 {
			if got := e[0].json(t)["reason"]; got != reason {
				t.Errorf("goodbye %v", got)
			}
			at = append(at, e[0].at)
		}
	}
	return at
}

// evenly checks that times fill a window from begun, no part of it with more than its share.
func evenly(t *testing.T, at []time.Time, begun time.Time, window time.Duration) {
	t.Helper()
	const parts = 10
	var counts [parts]int
	for _, when := range at {
		// A loop visits together what is due within 20 ms, and the last stream at the end.
		i := int(max(0, when.Sub(begun)-20*time.Millisecond) * parts / window)
		if i < 0 || i >= parts {
			t.Fatalf("%v after the beginning of a window of %v", when.Sub(begun), window)
		}
		counts[i]++
	}
	for _, n := range counts {
		if want := len(at) / parts; n < want-2 || n > want+2 {
			t.Fatalf("not even: %v", counts)
		}
	}
}

func TestFlagOff(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 100)
		time.Sleep(3 * time.Second)
		begun := time.Now()
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		if a := r.get("/events?project=42"); a.StatusCode != 204 {
			t.Errorf("a new stream: %d", a.StatusCode)
		}
		if got := r.get("/poll-interval").json(t); got["push"] != "off" || got["poll_ms"] != got["fast_ms"] {
			t.Errorf("/poll-interval: %v", got)
		}
		time.Sleep(59 * time.Second)
		long := 0
		for _, s := range all {
			events := s.now()
			if e := only("goodbye", events); len(e) == 0 || e[0].at.Before(begun.Add(55*time.Second)) {
				continue
			}
			long++
			last, steps := 300000.0, 0
			for _, e := range only("heartbeat", events) {
				poll := e.json(t)["poll_ms"].(float64)
				if poll > last {
					t.Errorf("poll_ms grows from %v to %v while push goes", last, poll)
				}
				if poll != last {
					steps++
				}
				last = poll
			}
			if steps < 8 || steps > 12 || last > 12_000 {
				t.Errorf("%d steps of poll_ms, to %v", steps, last)
			}
		}
		if long == 0 {
			t.Error("nobody stayed for long")
		}
	})
}

func TestFlagOffIsEven(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 200)
		begun := time.Now()
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		time.Sleep(61 * time.Second)
		at := farewells(t, all, "off")
		if len(at) != 200 {
			t.Errorf("%d goodbyes", len(at))
		}
		evenly(t, at, begun, time.Minute)
		for _, s := range all {
			if !s.ended() {
				t.Fatal("open after its goodbye")
			}
		}
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
		if n := r.closed("off"); n != 200 {
			t.Errorf("%v counted", n)
		}
	})
}

func TestFlagOffAtOnce(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		all := opened(r, 50)
		begun := time.Now()
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		for _, at := range farewells(t, all, "off") {
			if !at.Equal(begun) {
				t.Fatalf("after %v", at.Sub(begun))
			}
		}
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestFlagBackOnMidRamp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		all := opened(r, 100)
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		time.Sleep(30*time.Second + time.Millisecond)
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = true })
		left := r.streams()
		if left < 45 || left > 51 {
			t.Errorf("%d of 100 after half of the ramp", left)
		}
		time.Sleep(10 * time.Minute)
		if n := r.streams(); n != left {
			t.Errorf("%d of these %d stayed", n, left)
		}
		if at := farewells(t, all, "off"); len(at) != 100-left {
			t.Errorf("%d goodbyes", len(at))
		}
		r.open("/events?project=42").next("hello")
		if got := r.get("/poll-interval").json(t); got["poll_ms"] != 300000.0 {
			t.Errorf("poll_ms %v long after the ramp", got["poll_ms"])
		}
	})
}

// A change in the middle of a ramp does not wait for its end.
func TestFlagOffAtOnceMidRamp(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		opened(r, 50)
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		time.Sleep(10 * time.Second)
		r.apply(func(s *gateway.Settings) { s.Flag.Percent, s.Flag.Ramp = 0, 0 })
		synctest.Wait()
		if n := r.streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

// The interval of those who are there climbs with the ramp, not with the next probe.
func TestFlagOnClimbs(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Enabled = false }, func(t *testing.T, r *rig) {
		time.Sleep(100 * time.Millisecond)
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled, s.Flag.Ramp = true, 1200*time.Millisecond })
		s := r.open("/events?project=42")
		time.Sleep(1300 * time.Millisecond)
		last, steps := 0.0, 0
		for _, e := range s.now() {
			poll := e.json(t)["poll_ms"].(float64)
			if poll < last {
				t.Errorf("poll_ms falls from %v to %v while push comes", last, poll)
			}
			if poll > last && last > 0 {
				steps++
			}
			last = poll
		}
		if steps < 10 || steps > 12 || last != 300000 {
			t.Errorf("%d steps, to %v", steps, last)
		}
	})
}

func TestPercent(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		all := opened(r, 200)
		in := func() map[int]bool {
			still := map[int]bool{}
			for i, s := range all {
				if !s.ended() {
					still[i] = true
				}
			}
			return still
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Percent = 50 })
		half := in()
		if len(half) < 70 || len(half) > 130 {
			t.Errorf("%d of 200 at 50 percent", len(half))
		}
		for i := range all {
			status := r.get("/versions?project=42", as(fmt.Sprint("s-", i))).json(t)
			if (status["push"] == "healthy") != half[i] {
				t.Fatalf("subject %d: stream open: %v, a poll says %v", i, half[i], status["push"])
			}
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Percent = 20 })
		fifth := in()
		for i := range fifth {
			if !half[i] {
				t.Error("a subject came in as the percentage fell")
			}
		}
		if len(fifth) < 20 || len(fifth) >= len(half) {
			t.Errorf("%d of 200 at 20 percent", len(fifth))
		}
	})
}

func TestSecretsRotate(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		s.next("heartbeat")
		const fresh = "the next secret, of more than thirty-two bytes"
		next := "Authorization: Bearer " + signWith(jwt.SigningMethodHS256, []byte(fresh), jwt.MapClaims{"subscribe": "*"})
		try := func(old, new int) {
			t.Helper()
			if a := r.get("/versions?project=42"); a.StatusCode != old {
				t.Errorf("the old token: %d", a.StatusCode)
			}
			if a := r.get("/versions?project=42", next); a.StatusCode != new {
				t.Errorf("the new token: %d", a.StatusCode)
			}
		}
		try(200, 401)
		r.apply(func(s *gateway.Settings) { s.Auth.Secret, s.Auth.Previous = fresh, secret })
		try(200, 200)
		r.apply(func(s *gateway.Settings) { s.Auth.Previous = "" })
		try(401, 200)
		r.news("42@1")
		if got := s.next("version"); got["version"] != 1.0 {
			t.Error(got)
		}
		if n := r.streams(); n != 1 {
			t.Errorf("%d streams", n)
		}
	})
}
