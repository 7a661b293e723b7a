package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
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
		// One stream, which polls each 5 minutes instead of each 10 s. What a second saves may count for the ten seconds after it.
		if h.Saved[3] <= 0 || h.Saved[3] > 0.15 {
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

// Browsers get a page under a strict policy, and all others JSON.
func TestStatusPage(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.StatusStream = true }, func(t *testing.T, r *rig) {
		const browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
		a := r.get("/ops/status", browser, nobody)
		policy := a.Header.Get("Content-Security-Policy")
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Vary") != "Accept" {
			t.Fatalf("%d %v", a.StatusCode, a.Header)
		}
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("policy %q lacks %s", policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("policy %q", policy)
		}
		// The policy would silently drop these.
		if found := regexp.MustCompile(`<style|\sstyle=|\son\w+=|<script(?: type="module")?>|https?://`).FindString(a.body); found != "" {
			t.Errorf("the page holds %q", found)
		}
		// Every file that the page names is there, and so is every file that these name.
		link := regexp.MustCompile(`(?:from '\./|"status/)([\w.]+\.\w+)"?`)
		reached, queue := map[string]bool{}, []string{a.body}
		for ; len(queue) > 0; queue = queue[1:] {
			for _, found := range link.FindAllStringSubmatch(queue[0], -1) {
				if name := found[1]; !reached[name] {
					reached[name] = true
					f := r.get("/ops/status/"+name, nobody)
					if f.StatusCode != 200 || f.Header.Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s: %d %v", name, f.StatusCode, f.Header)
					}
					if again := r.get("/ops/status/"+name, nobody, "If-None-Match: "+f.Header.Get("ETag")); again.StatusCode != 304 {
						t.Errorf("%s again: %d", name, again.StatusCode)
					}
					if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`).FindString(f.body); found != "" && !strings.HasPrefix(name, "uplot") {
						t.Errorf("%s uses %s", name, found)
					}
					queue = append(queue, f.body)
				}
			}
		}
		if len(reached) != len(status.Files()) {
			t.Errorf("the page loads %v, of %d files", reached, len(status.Files()))
		}
		for _, accept := range []string{"*/*", "application/json", ""} {
			if a := r.get("/ops/status", "Accept: "+accept, nobody); a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("Accept %q gets %s", accept, a.Header.Get("Content-Type"))
			}
		}
		if a := r.get("/ops/status?format=json", browser, nobody); a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("format=json gets %s", a.Header.Get("Content-Type"))
		}
		if a := r.get("/ops/status", browser, nobody, "Host: evil.example"); a.StatusCode != 421 {
			t.Errorf("another host gets %d", a.StatusCode)
		}
	})
}

// The status page is told by a stream of the gateway's own that there is something new: also that push is down, at once. Its
// stream counts nowhere, needs no token, and gets a goodbye.
func TestStatusStream(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.StatusStream = true }, func(t *testing.T, r *rig) {
		s := r.open("/ops/status/events?project=status", nobody)
		first := s.next("hello")["versions"].(map[string]any)["status"].(float64)
		if got := r.get("/ops/status", nobody).json(t); got["revision"] != first || got["streams"] != 0.0 {
			t.Errorf("revision %v and not %v, %v streams", got["revision"], first, got["streams"])
		}
		time.Sleep(10*time.Minute + 9*time.Second) // longer than other answers of the operators' listener may take
		s.now()
		r.source.evidence.Lost(version.FaultConnection, errors.New("gone"))
		synctest.Wait()
		if told := s.next("version")["version"].(float64); told <= first || r.get("/ops/status", nobody).json(t)["revision"] != told {
			t.Errorf("revision %v after %v", told, first)
		}
		if a := r.get("/ops/status/versions?project=status", nobody); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if a := r.get("/ops/status/poll-interval?project=status", nobody); a.json(t)["push"] != "healthy" {
			t.Errorf("%s", a.body)
		}
		if a := r.post("/ops/status/missed", `{"project":"status","version":1}`, nobody); a.StatusCode != 204 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if a := r.post("/ops/status/versions", `{"project":"status","version":1}`, nobody); a.StatusCode != 405 {
			t.Errorf("a visitor published: %d", a.StatusCode)
		}
		if a := r.get("/ops/status/events?project=status", nobody, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"); a.StatusCode != 403 {
			t.Errorf("another page follows: %d", a.StatusCode)
		}
		done := r.drain(t.Context())
		<-done
		all := s.now()
		if last := all[len(all)-1]; last.Type != "goodbye" {
			t.Errorf("%v is the last event", last)
		}
	})
}

// The stream of a status page stays with its server, which counts its connections: it is not parked.
func TestStatusStreamIsNotParked(t *testing.T) {
	r := wire(t, func(o *gateway.Options) { o.StatusStream = true })
	s := r.open("/ops/status/events?project=status", nobody)
	s.next("hello")
	r.Reloaded(gateway.Reload{Applied: true, Changed: []string{"log.level"}})
	s.next("version")
	s.leave()
}
