//go:build unix

package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"nudge/clients/clienttest"
)

// polled is the answer to a poll.
type polled struct {
	status  int
	header  http.Header
	version float64
	calls   float64 // how often the application was called for this project
}

// poll polls project as the user whose cookie it is.
func poll(t *testing.T, base, method, project, cookie, validator, query string) polled {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+"/projects/"+project+"/changes"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", "other=1; sid="+cookie)
	}
	if validator != "" {
		r.Header.Set("If-None-Match", validator)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := polled{status: response.StatusCode, header: response.Header}
	if len(body) > 0 {
		var said struct{ Version, Calls float64 }
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		answer.version, answer.calls = said.Version, said.Calls
	}
	return answer
}

func testPolls(t *testing.T, d *driver, base string) {
	// has makes a project that the application and Redis have at a version, and returns the validator of a first poll.
	has := func(t *testing.T, project string, version int64) string {
		t.Helper()
		d.ask(t, "set_version", object{"project": project, "version": version})
		d.redis.Do("SET", "nudge:{"+project+"}", fmt.Sprint(version))
		first := poll(t, base, "GET", project, "ann", "", "")
		etag := first.header.Get("ETag")
		if first.status != 200 || first.version != float64(version) || !strings.HasPrefix(etag, `W/"nudge1.`) {
			t.Fatalf("the first poll: %+v", first)
		}
		return etag
	}
	// passes checks that the application is asked.
	passes := func(t *testing.T, project, cookie, validator string) polled {
		t.Helper()
		a := poll(t, base, "GET", project, cookie, validator, "")
		if a.status != 200 || a.calls == 0 {
			t.Errorf("%s, not the application's answer", a.text())
		}
		return a
	}

	t.Run("nothing new", func(t *testing.T) {
		etag := has(t, "same", 3)
		a := poll(t, base, "GET", "same", "ann", etag, "")
		if a.status != 304 || a.header.Get("ETag") != etag || a.header.Get("Cache-Control") != "private, no-cache" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s %v", a.text(), a.header)
		}
		if b := passes(t, "same", "ann", ""); b.calls != 2 {
			t.Errorf("the application was called %v times: also for the poll that was answered 304", b.calls)
		} else if b.header.Get("X-Nudge-Version") != "" || b.header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%v", b.header)
		}
		for name, other := range map[string]string{
			"of a proxy that compresses":     strings.TrimSuffix(etag, `"`) + `-gzip"`,
			"of another proxy":               strings.TrimSuffix(etag, `"`) + `;br"`,
			"in a list":                      `"abc", ` + etag + `, W/"x"`,
			"strong":                         strings.TrimPrefix(etag, "W/"),
			"after one that is not for this": `W/"nudge1.1.YT0w.aaaaaaaaaaaaaaaaaaaaaa", ` + etag,
		} {
			if a := poll(t, base, "GET", "same", "ann", other, ""); a.status != 304 {
				t.Errorf("a validator %s: %s", name, a.text())
			}
		}
		if a := poll(t, base, "GET", "same", "ann", etag, "?since=3"); a.status != 304 {
			t.Errorf("with another query: %s", a.text())
		}
		if a := poll(t, base, "HEAD", "same", "ann", etag, ""); a.status != 304 {
			t.Errorf("HEAD: %s", a.text())
		}
		if a := poll(t, base, "POST", "same", "ann", etag, ""); a.status == 304 {
			t.Errorf("POST: %s", a.text())
		}
	})
	t.Run("another version is stored", func(t *testing.T) {
		etag := has(t, "moved", 5)
		for _, stored := range []string{"6", "4", "", "text", "5.0", "05"} {
			d.redis.Do("SET", "nudge:{moved}", stored)
			passes(t, "moved", "ann", etag)
		}
		d.redis.Do("DEL", "nudge:{moved}")
		passes(t, "moved", "ann", etag)
		d.redis.Do("HSET", "nudge:{moved}", "a", "5")
		passes(t, "moved", "ann", etag)
	})
	t.Run("the application is ahead of what is stored", func(t *testing.T) {
		d.ask(t, "set_version", object{"project": "ahead", "version": 8})
		d.redis.Do("SET", "nudge:{ahead}", "7")
		etag := passes(t, "ahead", "ann", "").header.Get("ETag")
		passes(t, "ahead", "ann", etag)
	})
	t.Run("somebody else", func(t *testing.T) {
		etag := has(t, "whose", 1)
		passes(t, "whose", "bob", etag)
		passes(t, "whose", "", etag)
		passes(t, "whose", "ann; sid=bob", etag) // which of them counts, servers do not agree on
		// Who logs in with an answer gets a validator for the new cookie.
		a := poll(t, base, "GET", "whose", "ann", "", "?login=bob")
		if b := poll(t, base, "GET", "whose", "bob", a.header.Get("ETag"), ""); b.status != 304 {
			t.Errorf("after the log-in: %s", b.text())
		}
		passes(t, "whose", "ann", a.header.Get("ETag"))
	})
	t.Run("another path", func(t *testing.T) {
		etag := has(t, "path", 1)
		has(t, "path2", 1)
		passes(t, "path2", "ann", etag)
	})
	t.Run("not ours", func(t *testing.T) {
		etag := has(t, "forged", 1)
		parts := strings.Split(strings.Trim(strings.TrimPrefix(etag, "W/"), `"`), ".")
		forge := func(at int, with string) string {
			p := append([]string(nil), parts...)
			p[at] = with
			return `W/"` + strings.Join(p, ".") + `"`
		}
		last := parts[3][:21] + string("AB"[strings.Count(parts[3][21:], "A")])
		for _, validator := range []string{
			`"abc"`, "*", `W/""`, forge(1, "9999999999"), forge(2, "Zm9yZ2VkPTI"), forge(3, strings.Repeat("A", 22)), forge(3, last),
			`W/"nudge1.1.` + strings.Repeat("A", 20_000) + `.` + parts[3] + `"`,
		} {
			if len(validator) > 8000 && d.language != "go" { // other servers refuse such a header themselves
				continue
			}
			passes(t, "forged", "ann", validator)
		}
	})
	t.Run("older than poll.slow, or from the future", func(t *testing.T) {
		has(t, "old", 1)
		for age, status := range map[time.Duration]int{250 * time.Second: 304, 400 * time.Second: 200, -60 * time.Second: 200, 24 * time.Hour: 200} {
			etag := d.ask(t, "validator", object{
				"time": time.Now().Add(-age).Unix(), "versions": object{"old": 1},
				"path": "/projects/old/changes", "identity": object{"cookie:sid": "ann"},
			})["etag"].(string)
			if a := poll(t, base, "GET", "old", "ann", etag, ""); a.status != status {
				t.Errorf("%v old: %s", age, a.text())
			}
		}
	})
}

// testPollsWithoutRedis comes when Redis is gone.
func testPollsWithoutRedis(t *testing.T, d *driver, base string) {
	d.ask(t, "set_version", object{"project": "cut", "version": 1})
	d.redis.Do("SET", "nudge:{cut}", "1")
	etag := poll(t, base, "GET", "cut", "ann", "", "").header.Get("ETag")
	d.redis.Freeze()
	a := poll(t, base, "GET", "cut", "ann", etag, "")
	d.redis.Thaw()
	if a.status != 200 {
		t.Errorf("Redis hangs: %s", a.text())
	}
	d.until(t, "polls are answered 304 again", func(int64) bool { return poll(t, base, "GET", "cut", "ann", etag, "").status == 304 })
	d.redis.Kill()
	if a := poll(t, base, "GET", "cut", "ann", etag, ""); a.status != 200 {
		t.Errorf("Redis is gone: %s", a.text())
	}
	d.redis.Start()
	d.redis.Do("SET", "nudge:{cut}", "1")
	d.until(t, "polls are answered 304 again after a restart", func(int64) bool { return poll(t, base, "GET", "cut", "ann", etag, "").status == 304 })
}

func (p polled) text() string { return fmt.Sprintf("status %d after %v calls", p.status, p.calls) }

// The validators of all languages are the same: an application may have two.
func testVectors(t *testing.T, d *driver) {
	text, err := os.ReadFile("vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Secret     string
		Validators []json.RawMessage
	}
	if err := json.Unmarshal(text, &vectors); err != nil || vectors.Secret != clienttest.Secret || len(vectors.Validators) == 0 {
		t.Fatalf("vectors.json: %v", err)
	}
	for i, raw := range vectors.Validators {
		var want struct{ ETag string }
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		// As it is in the file: a map would lose the order of the identity.
		if got := d.askRaw(t, `{"do":"validator",`+strings.TrimLeft(strings.TrimSpace(string(raw)), "{")); got["etag"] != want.ETag {
			t.Errorf("validator %d: %v, not %s", i, got["etag"], want.ETag)
		}
	}
}
