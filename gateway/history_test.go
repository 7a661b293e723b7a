package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nudge/gateway"
	"nudge/gateway/status"
	"nudge/version"
)

// past is an answer of /status/history.
func (r *rig) past(query string) (a status.Answer) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.get("/ops/status/history"+query).body), &a); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// An outage is in the figures and among the changes, with its reason; so is all else that operators ask for.
func TestHistory(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.news("42@1")
		s := r.open("/events?project=42")
		s.next("hello")
		time.Sleep(time.Minute + time.Second)
		r.news("42@2")
		time.Sleep(10 * time.Second)
		lost := time.Now()
		r.source.silent.Store(true)
		r.source.evidence.Lost(version.FaultAuth, errors.New("WRONGPASS"))
		synctest.Wait()
		time.Sleep(10 * time.Second)
		r.Reloaded(gateway.Reload{Applied: true, Changed: []string{"poll.fast", "log.level"}})
		r.Reloaded(gateway.Reload{Problem: "push.percent: 101 is above 100\npoll.fast: x is no duration\n"})
		r.Reloaded(gateway.Reload{Problem: "push.percent: 101 is above 100\npoll.fast: x is no duration\n"}) // at SIGHUP

		past := r.past("")
		h := past.Hour
		n := len(h.At)
		if n != 8 || len(past.Day.At) != 0 {
			t.Fatalf("%d points, %d in the day", n, len(past.Day.At))
		}
		if fmt.Sprint(h.Push) != "[healthy healthy healthy healthy healthy healthy healthy down]" || h.Streams[n-1] != 1 {
			t.Errorf("push %v, streams %v", h.Push, h.Streams)
		}
		if h.Advances[6] != 0.1 || h.Caused[6] != 0.1 || h.Advances[5] != 0 {
			t.Errorf("advances %v, caused %v", h.Advances, h.Caused)
		}
		if h.Saved[3] <= 0 || h.Saved[3] > 0.1 { // one stream, which polls each 5 minutes instead of each 10 s
			t.Errorf("saved %v", h.Saved)
		}
		if after := r.past(fmt.Sprint("?after=", h.At[n-2])); len(after.Hour.At) != 1 {
			t.Errorf("%v", after.Hour.At)
		}
		var told []string
		for _, c := range slices.Backward(past.Changes) {
			told = append(told, fmt.Sprintf("%s: %s (%s)", c.Kind, c.Text, c.Reason))
		}
		want := []string{
			"phase: this gateway has started ()", "push: push is down, was healthy (auth)", "reload: reloaded: poll.fast, log.level ()",
			"reload: the configuration was refused: push.percent: 101 is above 100; poll.fast: x is no duration ()",
		}
		for _, w := range want {
			if !slices.Contains(told, w) {
				t.Errorf("%q is not in %q", w, told)
			}
		}
		if n := strings.Count(strings.Join(told, "\n"), "refused"); n != 1 {
			t.Errorf("the same refusal is there %d times", n)
		}

		now := r.get("/ops/status").json(t)
		since, err := time.Parse(time.RFC3339Nano, now["since"].(string))
		if err != nil || !since.Equal(lost) {
			t.Errorf("push is down since %v, not %v", since, lost)
		}
		if now["caused"] != 1.0 || now["saved"].(float64) <= 0 {
			t.Errorf("caused %v, saved %v", now["caused"], now["saved"])
		}
		if got := now["reload"].(map[string]any); got["applied"] != false || !strings.Contains(got["problem"].(string), "101") {
			t.Errorf("%v", got)
		}
		if a := r.get("/ops/status/history?after=yesterday"); a.StatusCode != 400 || a.json(t)["code"] != "malformed" {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}
