//go:build unix

package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/version"
)

// patience is how long a test waits for what must come; it is only used up by what is broken.
const patience = 30 * time.Second

// messages subscribes to a project's channel, and returns what reads the next message as gateways do.
func (d *driver) messages(t *testing.T, project string) func() version.News {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: d.redis.Addr})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	subscribed := client.Subscribe(ctx, "nudge:{"+project+"}")
	t.Cleanup(func() {
		cancel()
		_ = subscribed.Close()
		_ = client.Close()
	})
	if _, err := subscribed.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := version.ParseProject(project)
	if err != nil {
		t.Fatal(err)
	}
	return func() version.News {
		t.Helper()
		message, err := subscribed.ReceiveMessage(ctx)
		if err != nil {
			t.Fatalf("no message came: %v", err)
		}
		news, err := version.Decode(p, []byte(message.Payload))
		if err != nil {
			t.Errorf("a gateway cannot read %q: %v", message.Payload, err)
		}
		return news
	}
}

// stored is what Redis has of a project; "": nothing.
func (d *driver) stored(project string) string {
	text, _ := d.redis.Do("GET", "nudge:{"+project+"}").(string)
	return text
}

func testPublish(t *testing.T, d *driver) {
	t.Run("greater versions only", func(t *testing.T) {
		next := d.messages(t, "order")
		for _, step := range []struct {
			version   int64
			announced bool
		}{{5, true}, {5, false}, {4, false}, {0, false}, {6, true}} {
			if got := d.announced(t, "order", step.version, nil); got != step.announced {
				t.Errorf("version %d announced: %v", step.version, got)
			}
		}
		if a, b := next().Version, next().Version; a != 5 || b != 6 || d.stored("order") != "6" {
			t.Errorf("messages %d and %d, %s stored", a, b, d.stored("order"))
		}
	})
	t.Run("a project that is a number", func(t *testing.T) {
		if !d.announced(t, 42, 1, nil) || d.stored("42") != "1" {
			t.Errorf("stored: %q", d.stored("42"))
		}
	})
	t.Run("the largest versions", func(t *testing.T) {
		const most = 1<<53 - 1
		if !d.announced(t, "large", most-1, nil) || !d.announced(t, "large", most, nil) || d.stored("large") != fmt.Sprint(most) {
			t.Errorf("stored: %q", d.stored("large"))
		}
	})
	t.Run("what no gateway could read is refused", func(t *testing.T) {
		before := len(d.logged(t))
		wrong := []object{
			{"project": "wrong", "version": int64(1 << 53)},
			{"project": "wrong", "version": -1},
			{"project": "wrong", "version": json.RawMessage("1.5")},
			{"project": "größe", "version": 1},
			{"project": "", "version": 1},
			{"project": "a@b", "version": 1},
			{"project": strings.Repeat("x", 129), "version": 1},
		}
		for _, with := range wrong {
			if a := d.ask(t, "publish", with); a["announced"] != false {
				t.Errorf("publish %v: %v; it must not raise, and announce nothing", with, a)
			}
			if a := d.ask(t, "publish_or_raise", with); a["error"] == nil {
				t.Errorf("publish_or_raise %v: %v, no error", with, a)
			}
		}
		if n := len(d.logged(t)) - before; n < 1 {
			t.Error("nothing is logged")
		}
		if d.stored("wrong") != "" {
			t.Errorf("stored: %q", d.stored("wrong"))
		}
	})
	t.Run("prev, writer, data", func(t *testing.T) {
		next := d.messages(t, "more")
		data := object{"title": "Größe ✓ 😀 \u2028 \"quoted\" \\ / </script>", "list": []any{1, 2.5, nil, true, object{}}}
		d.announced(t, "more", 7, object{"prev": 6, "writer": "täb-😀", "data": data})
		news := next()
		if news.Version != 7 || news.Prev == nil || *news.Prev != 6 || news.Writer != "täb-😀" {
			t.Errorf("%+v", news)
		}
		want, _ := json.Marshal(data)
		if got := normal(t, news.Data); got != normal(t, want) {
			t.Errorf("data: %s\nnot   %s", got, want)
		}
		d.announced(t, "more", 8, object{"prev": 7, "data": json.RawMessage("{}")})
		if news := next(); string(news.Data) != "{}" {
			t.Errorf("an empty object came as %s", news.Data)
		}
		d.announced(t, "more", 9, object{"prev": 8, "data": json.RawMessage("[]")})
		if news := next(); string(news.Data) != "[]" {
			t.Errorf("an empty list came as %s", news.Data)
		}
	})
	t.Run("the time, with one version in ten", func(t *testing.T) {
		next := d.messages(t, "timed")
		begun := time.Now().Truncate(time.Millisecond)
		for _, v := range []int64{9, 10, 11, 20} {
			d.announced(t, "timed", v, nil)
			if n := next(); n.Sent.IsZero() != (v%10 != 0) || !n.Sent.IsZero() && (n.Sent.Before(begun) || n.Sent.After(time.Now())) {
				t.Errorf("version %d says that it was sent at %v", v, n.Sent)
			}
		}
	})
	t.Run("reset", func(t *testing.T) {
		next := d.messages(t, "reset")
		d.announced(t, "reset", 9, nil)
		if !d.announced(t, "reset", 3, object{"reset": true}) {
			t.Error("not announced")
		}
		if a, b := next(), next(); a.Reset || !b.Reset || b.Version != 3 || d.stored("reset") != "3" {
			t.Errorf("%+v, %+v, stored %s", a, b, d.stored("reset"))
		}
	})
	t.Run("many", func(t *testing.T) {
		d.announced(t, "many2", 5, nil)
		answer := d.ask(t, "publish_many", object{"news": []any{[]any{"many1", 1}, []any{"many2", 5}, []any{"many3", 3}}})
		if answer["announced"] != 2.0 || d.stored("many1") != "1" || d.stored("many3") != "3" {
			t.Errorf("%v", answer)
		}
		if answer := d.ask(t, "publish_many", object{"news": []any{}}); answer["announced"] != 0.0 {
			t.Errorf("none: %v", answer)
		}
	})
	t.Run("after Redis has forgotten the script", func(t *testing.T) {
		d.redis.Do("SCRIPT", "FLUSH")
		if !d.announced(t, "forgotten", 1, nil) {
			t.Error("not announced")
		}
		d.redis.Do("SCRIPT", "FLUSH")
		if answer := d.ask(t, "publish_many", object{"news": []any{[]any{"forgotten", 2}, []any{"forgotten2", 2}}}); answer["announced"] != 2.0 {
			t.Errorf("many: %v", answer)
		}
	})
	t.Run("in a child process", func(t *testing.T) {
		d.announced(t, "fork", 1, nil) // its connection is the parent's
		for v := int64(2); v < 6; v += 2 {
			answer := d.ask(t, "fork_publish", object{"project": "fork", "version": v})
			if answer["unsupported"] == true {
				t.Skip("nobody forks there")
			}
			if answer["announced"] != true || !d.announced(t, "fork", v+1, nil) {
				t.Fatalf("%v; stored %s", answer, d.stored("fork"))
			}
		}
	})
	t.Run("from several threads", func(t *testing.T) {
		answer := d.ask(t, "threads", object{"project": "threads", "from": 1, "to": 200, "threads": 8})
		if n, _ := answer["announced"].(float64); n < 1 || n > 200 || d.stored("threads") != "200" {
			t.Errorf("%v; stored %s", answer, d.stored("threads"))
		}
	})
}

// testRedisAway comes last: Redis is gone meanwhile.
func testRedisAway(t *testing.T, d *driver) {
	before := len(d.logged(t))
	d.redis.Kill()
	if d.announced(t, "away", 1, nil) {
		t.Error("announced without Redis")
	}
	lines := d.logged(t)[before:]
	if len(lines) == 0 || !strings.Contains(strings.Join(lines, "\n"), "away") {
		t.Errorf("the log does not name the project: %q", lines)
	}
	if answer := d.ask(t, "publish_or_raise", object{"project": "away", "version": 1}); answer["error"] == nil {
		t.Errorf("publish_or_raise: %v", answer)
	}
	d.redis.Start()
	d.until(t, "it publishes again", func(n int64) bool { return d.announced(t, "away", n, nil) })

	// A server that hangs costs one call its time-out, and the calls after it nothing.
	d.redis.Freeze()
	first := took(func() { d.announced(t, "frozen", 1, nil) })
	others := took(func() {
		for v := int64(2); v < 6; v++ {
			d.announced(t, "frozen", v, nil)
		}
	})
	d.redis.Thaw()
	if others > first {
		t.Errorf("the first call to a Redis that hangs took %v, four others %v", first, others)
	}
	d.until(t, "it publishes again after a hang", func(n int64) bool { return d.announced(t, "thawed", n, nil) })
}

// until does something again and again until it is true: no event tells when a connection is tried again.
func (d *driver) until(t *testing.T, what string, done func(n int64) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := int64(1); !done(n); n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func took(do func()) time.Duration {
	begun := time.Now()
	do()
	return time.Since(begun)
}

// normal is JSON with its names in order.
func normal(t *testing.T, raw []byte) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
	text, _ := json.Marshal(value)
	return string(text)
}
