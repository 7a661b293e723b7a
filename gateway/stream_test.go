package gateway_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
)

type object = map[string]any

func TestHelloSaysAll(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Exclude = []string{"beta-*"} }, func(t *testing.T, r *rig) {
		r.news("42@124")
		begun := time.Now()
		s := r.open("/events?project=42@123&project=7&project=beta-1&project=secret", as("ann", "42", "7", "beta-1"))
		hello := s.next("hello")
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("hello came after %v", waited)
		}
		left := hello["token_expires_in_s"].(float64)
		if want := time.Until(far).Seconds(); left != float64(int64(want)) {
			t.Errorf("token_expires_in_s %v, not %v", left, want)
		}
		delete(hello, "token_expires_in_s")
		want := object{
			"protocol": 1.0, "node": "gw-1", "push": "healthy", "poll_ms": 300000.0, "fast_ms": 10000.0, "jitter": 0.2,
			"heartbeat_ms": 25000.0, "spread_ms": 0.0, "versions": object{"42": 124.0}, "unknown": []any{"7"},
			"waiting": []any{}, "denied": []any{"secret"}, "off": []any{"beta-1"}, "caller": "0QkgjB7T",
		}
		if d := cmp.Diff(want, hello); d != "" {
			t.Error(d)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no",
		} {
			if got := s.resp.Header.Get(name); got != want {
				t.Errorf("%s: %s", name, got)
			}
		}
		s.next("heartbeat")
		if waited := time.Since(begun); waited != time.Second {
			t.Errorf("the second event came after %v", waited)
		}
		padded := regexp.MustCompile(`\Aretry: \d+\nevent: hello\ndata: [^\n]+\n\n: {1000} {1000} {47,}\n\nevent: heartbeat\n`)
		if !padded.MatchString(s.text()) {
			t.Errorf("not retry, hello, padding, heartbeat: %q", s.text())
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Exclude, s.Flag.Ramp = nil, 0 })
		s.next("hello")
		s.now()
		if n := strings.Count(s.text(), "\n:"); n != 1 {
			t.Errorf("%d comments with two hellos", n)
		}
		if n := strings.Count(s.text(), "retry:"); n != 1 {
			t.Errorf("%d retry lines with two hellos", n)
		}
	})
}

func TestRetryDiffers(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		seen := map[string]bool{}
		for range 20 {
			s := r.open("/events?project=42")
			s.next("hello")
			first, _, _ := strings.Cut(s.text(), "\n")
			var ms int
			if _, err := fmt.Sscanf(first, "retry: %d", &ms); err != nil || ms < 1000 || ms > 5000 {
				t.Errorf("%q %v", first, err)
			}
			seen[first] = true
		}
		if len(seen) < 10 {
			t.Errorf("%d different retry lines of 20 streams", len(seen))
		}
	})
}

// A publish must wake an idle stream; that a heartbeat brings the news later does not count.
func TestNewsIsPrompt(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42&project=7")
		for i := range 50 {
			time.Sleep(time.Duration(i*171) * time.Millisecond) // an idle stream, at some point between heartbeats
			s.now()
			begun := time.Now()
			r.news(fmt.Sprintf("42@%d", i+1))
			news := only("version", s.now())
			if len(news) != 1 || !news[0].at.Equal(begun) || !time.Now().Equal(begun) {
				t.Fatalf("version %d: %v after %v", i+1, news, time.Since(begun))
			}
			want := object{"project": "42", "version": float64(i + 1), "spread_ms": 0.0}
			if d := cmp.Diff(want, news[0].json(t)); d != "" {
				t.Fatal(d)
			}
			if want := fmt.Sprintf("42@%d", i+1); news[0].LastEventID != want {
				t.Fatalf("id %q", news[0].LastEventID)
			}
		}
	})
}

func TestVersionEvents(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@10")
		s := r.open("/events?project=42&project=7")
		s.next("hello")
		p := mark(t, "42").Project
		prev := version.Version(10)
		for _, step := range []struct {
			name string
			news []version.News
			want []object
		}{
			{"a number", []version.News{{Project: p, Version: 11}}, []object{{"version": 11.0}}},
			{
				"what came with it",
				[]version.News{{Project: p, Version: 12, Prev: &prev, Writer: "tab-1", Data: []byte(`{"a":[1,"\n"]}`)}},
				[]object{{"version": 12.0, "prev": 10.0, "writer": "tab-1", "data": object{"a": []any{1.0, "\n"}}}},
			},
			{"the same again", []version.News{{Project: p, Version: 12}}, nil},
			{"an older one", []version.News{{Project: p, Version: 5}}, nil},
			{"a reset", []version.News{{Project: p, Version: 3, Reset: true}}, []object{{"version": 3.0, "reset": true}}},
			{"after the reset", []version.News{{Project: p, Version: 4}}, []object{{"version": 4.0}}},
			{"the greatest", []version.News{{Project: p, Version: version.Max}}, []object{{"version": 9007199254740991.0}}},
		} {
			for _, n := range step.news {
				r.publish(n)
			}
			var got []object
			for _, e := range only("version", s.now()) {
				got = append(got, e.json(t))
			}
			for _, w := range step.want {
				w["project"], w["spread_ms"] = "42", 0.0
			}
			if d := cmp.Diff(step.want, got); d != "" {
				t.Errorf("%s: %s", step.name, d)
			}
		}
		r.news("7@1")
		if e := s.next("version"); e["project"] != "7" {
			t.Error(e)
		}
	})
}

func TestNeverBackwards(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@1")
		s := r.open("/events?project=42@9")
		last := s.next("hello")["versions"].(object)["42"].(float64)
		for i := range 301 {
			r.news(fmt.Sprintf("42@%d", i*11%301))
		}
		for _, e := range only("version", s.now()) {
			v := e.json(t)["version"].(float64)
			if v <= last {
				t.Fatalf("%v after %v", v, last)
			}
			last = v
		}
		if last != 300 {
			t.Errorf("ended at %v", last)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		const n = 60
		var all []*tap
		for range n {
			all = append(all, r.open("/events?project=42"))
		}
		begun := time.Now()
		time.Sleep(101 * time.Second)
		second := map[int64]int{}
		for i, s := range all {
			beats := only("heartbeat", s.now())
			if len(beats) < 4 || !beats[0].at.Equal(begun.Add(time.Second)) {
				t.Fatalf("stream %d: %d heartbeats in 101 s, the first after %v", i, len(beats), beats[0].at.Sub(begun))
			}
			for j := 2; j < len(beats); j++ {
				if gap := beats[j].at.Sub(beats[j-1].at); gap < 24900*time.Millisecond || gap > 25100*time.Millisecond {
					t.Errorf("stream %d: %v between heartbeats", i, gap)
				}
			}
			second[int64(beats[1].at.Sub(begun)/(5*time.Second))]++
			want := object{"push": "healthy", "poll_ms": 300000.0, "fast_ms": 10000.0, "jitter": 0.2, "heartbeat_ms": 25000.0}
			if d := cmp.Diff(want, beats[1].json(t)); d != "" {
				t.Fatal(d)
			}
		}
		for at, count := range second {
			if count > n/2 {
				t.Errorf("%d of %d beat within the %dth 5 s: they march in step", count, n, at)
			}
		}
	})
}

// A browser takes a stream for dead after two heartbeats' silence, by the newest heartbeat_ms it was told.
func TestShorterHeartbeatCountsAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		time.Sleep(10 * time.Second)
		s.now()
		r.apply(func(s *gateway.Settings) { s.Policy.Heartbeat = time.Second })
		last := time.Now()
		if got := s.next("heartbeat")["heartbeat_ms"]; got != 1000.0 {
			t.Fatal(got)
		}
		time.Sleep(10 * time.Second)
		beats := s.now()
		if len(beats) < 10 {
			t.Errorf("%d heartbeats in 10 s", len(beats))
		}
		for _, e := range beats {
			if silence := e.at.Sub(last); silence > 1020*time.Millisecond {
				t.Errorf("silent for %v", silence)
			}
			last = e.at
		}
	})
}

func TestStreamAge(t *testing.T) {
	for _, age := range []time.Duration{0, time.Minute} {
		t.Run(age.String(), func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { o.Settings.Limits.StreamAge = age }, func(t *testing.T, r *rig) {
				begun := time.Now()
				s := r.open("/events?project=42")
				if age == 0 {
					time.Sleep(6 * time.Hour)
					if s.ended() {
						t.Error("ended for its age")
					}
					return
				}
				e := s.find("goodbye")
				if lived := e.at.Sub(begun); lived < 48*time.Second || lived > 72*time.Second || e.json(t)["reason"] != "rotate" {
					t.Errorf("%s after %v", e.Data, lived)
				}
				if !s.ended() {
					t.Error("open after its goodbye")
				}
			})
		})
	}
}

// What a browser has, or says it has, changes nothing on a stream.
func TestMarksOfBrowsersDoNotCount(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@5")
		for _, last := range []string{"", "42@999", "42@5", "rubbish", "42@!"} {
			s := r.open("/events?project=42@700&project=7@9", "Last-Event-ID: "+last)
			got := s.next("hello")
			if d := cmp.Diff([]any{object{"42": 5.0}, []any{"7"}}, []any{got["versions"], got["unknown"]}); d != "" {
				t.Errorf("Last-Event-ID %q: %s", last, d)
			}
		}
		s := r.open("/events?project=42@700")
		s.next("hello")
		r.news("42@6")
		if got := s.next("version"); got["version"] != 6.0 {
			t.Error(got)
		}
	})
}
