//go:build unix

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nudge/clients/clienttest"
	"nudge/internal/secrettest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			d := start(t, language)
			t.Run("vectors", func(t *testing.T) { testVectors(t, d) })
			t.Run("publish", func(t *testing.T) { testPublish(t, d) })
			t.Run("gateway", func(t *testing.T) { testGateway(t, d) })
			t.Run("outbox", func(t *testing.T) { testOutbox(t, d) })
			base, _ := d.ask(t, "serve", nil)["url"].(string)
			t.Run("polls", func(t *testing.T) { testPolls(t, d, base) })
			// From here on Redis is stopped and started.
			t.Run("polls without Redis", func(t *testing.T) { testPollsWithoutRedis(t, d, base) })
			t.Run("Redis is away", func(t *testing.T) { testRedisAway(t, d) })
			t.Run("outbox without Redis", func(t *testing.T) { testOutboxWithoutRedis(t, d) })
			secrettest.Check(t, "the log of the package", strings.Join(d.logged(t), "\n"))
		})
	}
}

// A gateway takes the tokens of the package, and a stream has what it publishes.
func testGateway(t *testing.T, d *driver) {
	url := clienttest.Gateway(t, d.redis)
	get := func(ctx context.Context, path string, token any) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Nudge-Token", fmt.Sprint(token))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
	for _, user := range []any{"7", 7, "größe", "auth0|5f7c"} {
		token := d.ask(t, "token", object{"user": user, "projects": []any{"42", "team-*", 7}, "ttl": 60})["token"]
		response := get(t.Context(), "/poll-interval?project=42&project=team-a&project=7&project=43", token)
		var said struct{ Denied []string }
		err := json.NewDecoder(response.Body).Decode(&said)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || fmt.Sprint(said.Denied) != "[43]" {
			t.Errorf("user %v: status %d, denied %v, %v", user, response.StatusCode, said.Denied, err)
		}
	}
	for name, with := range map[string]object{
		"no user":           {"user": nil, "projects": []any{"42"}},
		"an empty user":     {"user": "", "projects": []any{"42"}},
		"a life of nothing": {"user": "7", "projects": []any{"42"}, "ttl": 0},
	} {
		if answer := d.ask(t, "token", with); answer["error"] == nil {
			t.Errorf("%s: %v", name, answer)
		}
	}

	token := d.ask(t, "token", object{"user": "7", "projects": []any{"stream"}, "ttl": 60})["token"]
	next := clienttest.Watch(t, url, "stream", fmt.Sprint(token))
	d.announced(t, "stream", 2, nil)
	if got := next(); got != "stream@2" {
		t.Errorf("the stream says %s", got)
	}
}

func testOutbox(t *testing.T, d *driver) {
	rows := func(name string, versions ...int) (rows []any) {
		for _, v := range versions {
			rows = append(rows, []any{name, v})
		}
		return rows
	}
	if d.ask(t, "outbox_add", object{"rows": rows("outbox", 1, 3, 2)})["unsupported"] == true {
		t.Skip("this driver has no SQLite")
	}
	d.ask(t, "outbox_add", object{"rows": rows("outbox", 9), "rollback": true})
	next := d.messages(t, "outbox")
	if answer := d.ask(t, "relay_once", nil); answer["rows"] != 3.0 || d.stored("outbox") != "3" {
		t.Errorf("%v; stored %s: not the greatest of what was committed", answer, d.stored("outbox"))
	}
	if news := next(); news.Version != 3 {
		t.Errorf("the first message has version %d: the greatest alone is news", news.Version)
	}
	if answer := d.ask(t, "relay_once", nil); answer["rows"] != 0.0 {
		t.Errorf("once more: %v", answer)
	}
}

// What cannot be published stays, and is published later.
func testOutboxWithoutRedis(t *testing.T, d *driver) {
	if d.ask(t, "outbox_add", object{"rows": []any{[]any{"kept", 4}}})["unsupported"] == true {
		t.Skip("this driver has no SQLite")
	}
	d.redis.Kill()
	if answer := d.ask(t, "relay_once", nil); answer["error"] == nil && answer["rows"] != 0.0 {
		t.Errorf("without Redis: %v", answer)
	}
	d.redis.Start()
	d.until(t, "the row is published", func(int64) bool { return d.ask(t, "relay_once", nil)["rows"] == 1.0 })
	if d.stored("kept") != "4" {
		t.Errorf("stored: %q", d.stored("kept"))
	}
}

// Each package has the script as gateways and nudge publish have it.
func TestScriptIsTheSame(t *testing.T) {
	want, err := os.ReadFile("../../version/publish/publish.lua")
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	for _, pattern := range []string{"../*/*.lua", "../*/*/*.lua", "../*/*/*/*.lua"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if got, err := os.ReadFile(path); filepath.Base(path) == "publish.lua" && (err != nil || string(got) != string(want)) {
				t.Errorf("%s is not version/publish/publish.lua: copy it (%v)", path, err)
			}
			copies++
		}
	}
	t.Logf("%d copies", copies)
}
