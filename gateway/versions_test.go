package gateway_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
)

func TestVersionsSaysWhatDiffers(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Exclude = []string{"beta"} }, func(t *testing.T, r *rig) {
		r.news("1@10", "2@20", "3@30", "4@0")
		begun := time.Now()
		a := r.get("/versions?project=1@10&project=2@19&project=3@31&project=4&project=5@5&project=beta&project=no&project=2@3",
			as("ann", "1", "2", "3", "4", "5", "beta"))
		want := object{
			"push": "healthy", "poll_ms": 300000.0, "fast_ms": 10000.0, "jitter": 0.2, "heartbeat_ms": 25000.0, "spread_ms": 0.0,
			"versions": object{"2": 20.0, "3": 30.0, "4": 0.0}, "unknown": []any{"5"}, "waiting": []any{},
			"denied": []any{"no"}, "off": []any{"beta"}, "caller": "0QkgjB7T",
		}
		if d := cmp.Diff(want, a.json(t)); d != "" {
			t.Error(d)
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("after %v", waited)
		}
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control: %s", got)
		}
		off := r.get("/versions?project=beta").json(t)
		if off["push"] != "off" || off["poll_ms"] != off["fast_ms"] {
			t.Errorf("a caller who is off altogether: %v", off)
		}
	})
}

func TestVersionsRefuses(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Limits.Streams = 1 }, func(t *testing.T, r *rig) {
		r.open("/events?project=42")
		for _, test := range []struct {
			path    string
			headers []string
			status  int
			code    string
		}{
			{"/versions", nil, 400, "malformed"},
			{"/versions?project=42&wait=25", nil, 400, "malformed"},
			{"/versions?project=42&wait=-1s", nil, 400, "malformed"},
			{"/versions?project=42&wait=soon", nil, 400, "malformed"},
			{"/versions?project=42", []string{nobody}, 401, "missing"},
			{"/versions?project=42", []string{as("ann", "7")}, 403, "forbidden"},
			{"/versions?project=42", []string{nobody, "Cookie: nudge=" + anybody, "Origin: https://evil.example"}, 403, "origin"},
			{"/versions?project=42&wait=1s", nil, 503, "limit"},
			{"/versions?project=42", nil, 200, ""},
		} {
			a := r.get(test.path, test.headers...)
			if a.StatusCode != test.status {
				t.Errorf("%s: %d, not %d", test.path, a.StatusCode, test.status)
			}
			if test.code != "" {
				isProblem(t, a, test.code)
			}
		}
	})
}

// held asks for versions in the background.
func (r *rig) held(path string, headers ...string) <-chan timed {
	begun, done := time.Now(), make(chan timed, 1)
	go func() {
		a := r.get(path, headers...)
		done <- timed{a, time.Since(begun)}
	}()
	synctest.Wait()
	return done
}

func TestVersionsOfRevokedTokenAreNotHeld(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@1")
		r.whileAdmitting(func() {
			if err := r.Revoke(gateway.Revocation{Subject: "ann", Until: time.Now().Add(time.Hour)}); err != nil {
				t.Error(err)
			}
		})
		if got := <-r.held("/versions?project=42@1&wait=25s", as("ann", "42")); got.StatusCode != 200 || got.after != 0 {
			t.Errorf("%d after %v", got.StatusCode, got.after)
		}
	})
}

type timed struct {
	answer
	after time.Duration
}

func TestVersionsHolds(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@1", "7@1")
		never := r.held("/versions?project=42@1&wait=10m") // more than the most counts as that
		differs := r.held("/versions?project=42@0&wait=25s")
		unknown := r.held("/versions?project=99&wait=20s") // which ends no wait
		news := r.held("/versions?project=7@1&project=99&wait=25s")
		time.Sleep(3 * time.Second)
		if n := r.metric(`nudge_streams{kind="held"}`); n != 3 {
			t.Errorf("%v polls are held, want 3", n)
		}
		r.news("7@2")
		for name, test := range map[string]struct {
			held  <-chan timed
			after time.Duration
			want  object
		}{
			"nothing new":         {never, 25 * time.Second, object{}},
			"differs at once":     {differs, 0, object{"42": 1.0}},
			"unknown":             {unknown, 20 * time.Second, object{}},
			"news while waiting":  {news, 3 * time.Second, object{"7": 2.0}},
			"lower is no version": {r.held("/versions?project=42@5&wait=5s"), 0, object{"42": 1.0}},
		} {
			got := <-test.held
			if d := cmp.Diff(test.want, got.json(t)["versions"]); got.StatusCode != 200 || got.after != test.after || d != "" {
				t.Errorf("%s: %d after %v: %s", name, got.StatusCode, got.after, d)
			}
		}
		if n := r.streams(); n != 0 {
			t.Errorf("%d are still held", n)
		}
		if n := r.metric(`nudge_streams{kind="held"}`); n != 0 {
			t.Errorf("%v polls are counted as held", n)
		}
	})
}

func TestVersionsWaitsForTheSource(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		confirm := deaf(r.source)
		at := r.held("/versions?project=42&project=7")
		long := r.held("/versions?project=42@5&project=7&wait=10s")
		never := r.held("/versions?project=99&wait=10s")
		time.Sleep(time.Second)
		confirm(mark(t, "42@5"), 1)
		got := <-at
		body := got.json(t)
		if d := cmp.Diff([]any{object{"42": 5.0}, []any{"7"}}, []any{body["versions"], body["waiting"]}); got.after != 2*time.Second || d != "" {
			t.Errorf("after %v: %s", got.after, d)
		}
		time.Sleep(4 * time.Second)
		confirm(mark(t, "7@9"), 1)
		if got := <-long; got.after != 6*time.Second || cmp.Diff(object{"7": 9.0}, got.json(t)["versions"]) != "" {
			t.Errorf("after %v: %s", got.after, got.body)
		}
		if got := <-never; got.after != 10*time.Second || cmp.Diff([]any{"99"}, got.json(t)["waiting"]) != "" {
			t.Errorf("after %v: %s", got.after, got.body)
		}
	})
}

func TestVersionsWhilePushGoesDown(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		time.Sleep(500 * time.Millisecond)
		held := r.held("/versions?project=42&wait=25s")
		r.source.silent.Store(true)
		got := <-held
		if got.StatusCode != 503 || got.after > 5*time.Second {
			t.Errorf("%d after %v", got.StatusCode, got.after)
		}
		isProblem(t, got.answer, "unavailable")
		at := r.get("/versions?project=42")
		isProblem(t, at, "unavailable")
		if after := at.Header.Get("Retry-After"); after != "10" {
			t.Errorf("Retry-After: %s", after)
		}
		if got := r.open("/events?project=42").next("hello"); got["push"] != "down" {
			t.Errorf("streams are accepted while push is down: %v", got)
		}
	})
}

func TestVersionsFollowsTheFlag(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = 0 }, func(t *testing.T, r *rig) {
		held := r.held("/versions?project=42&wait=25s")
		time.Sleep(time.Second)
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		if got := <-held; got.StatusCode != 200 || got.after != time.Second {
			t.Errorf("%d after %v", got.StatusCode, got.after)
		}
	})
}

// Held polls end evenly over the ramp. Those that are due later than a poll is held end by themselves.
func TestHeldPollsFollowTheFlagEvenly(t *testing.T) {
	for ramp, want := range map[time.Duration][]time.Duration{
		20 * time.Second: {1 * time.Second, 6 * time.Second, 11 * time.Second, 16 * time.Second},
		24 * time.Hour:   {1 * time.Second, 25 * time.Second, 25 * time.Second, 25 * time.Second},
	} {
		bubble(t, func(o *gateway.Options) { o.Settings.Flag.Ramp = ramp }, func(t *testing.T, r *rig) {
			var all []<-chan timed
			for range want {
				all = append(all, r.held("/versions?project=42&wait=25s"))
			}
			time.Sleep(time.Second)
			r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
			var got []time.Duration
			for _, held := range all {
				got = append(got, (<-held).after)
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("a ramp of %v: answers after %v", ramp, got)
			}
		})
	}
}

// A project stays subscribed for twice the slow interval after its last use.
func TestProjectsLinger(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Policy.Slow = time.Minute }, func(t *testing.T, r *rig) {
		r.get("/versions?project=42")
		s := r.open("/events?project=7")
		s.next("hello")
		watched := func() int { return r.source.board.Len() }
		time.Sleep(119 * time.Second)
		if n := watched(); n != 2 {
			t.Fatalf("%d watched after 119 s", n)
		}
		time.Sleep(12 * time.Second)
		if n := watched(); n != 1 {
			t.Fatalf("%d watched after 131 s", n)
		}
		s.leave()
		time.Sleep(100 * time.Second)
		again := r.open("/events?project=7")
		again.next("hello")
		time.Sleep(100 * time.Second)
		r.news("7@1")
		if len(only("version", again.now())) != 1 {
			t.Error("forgotten while in use")
		}
		again.leave()
		time.Sleep(100 * time.Second) // since its last use, not since the one before
		if n := watched(); n != 1 {
			t.Errorf("%d watched 100 s after the last use", n)
		}
	})
}

func TestNewsBeforeAndAfterAPublish(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		a := r.post("/versions", `{"project":"42","version":3,"prev":2,"writer":"w","data":{"a":1}}`)
		if d := cmp.Diff(object{"accepted": 1.0, "stale": 0.0}, a.json(t)); d != "" {
			t.Error(d)
		}
		want := object{"project": "42", "version": 3.0, "spread_ms": 0.0, "prev": 2.0, "writer": "w", "data": object{"a": 1.0}}
		if d := cmp.Diff(want, s.next("version")); d != "" {
			t.Error(d)
		}
		stale := r.post("/versions", `[{"project":"42","version":3},{"project":"42","version":4},{"project":"7","version":0}]`)
		if d := cmp.Diff(object{"accepted": 2.0, "stale": 1.0}, stale.json(t)); d != "" {
			t.Error(d)
		}
		a = r.post("/versions", `{"project":"42","version":1,"reset":true}`, "Authorization: Bearer "+sign(jwt.MapClaims{"publish": "4*"}))
		if d := cmp.Diff(object{"accepted": 1.0, "stale": 0.0}, a.json(t)); d != "" {
			t.Error(d)
		}
		if k, _ := r.source.Memory.Read(t.Context(), mark(t, "42").Project); k.Version != 1 {
			t.Errorf("at %d", k.Version)
		}
	})
}
