package demo

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestCounterIsTheNewestNumberPublished(t *testing.T) {
	newest, known := int64(0), false
	app := New(Options{Newest: func(project string) (int64, bool) {
		if project != "counter" {
			t.Errorf("asked for %s", project)
		}
		return newest, known
	}})
	check := func(want int64) {
		t.Helper()
		for _, path := range []string{"", "/changes?since=5"} {
			got := read[count](t, ask(app, "GET", "/app/projects/counter"+path, ""), http.StatusOK)
			if got != (count{"counter", want}) {
				t.Errorf("%q: %+v, want %d", path, got, want)
			}
		}
	}
	check(0)
	newest, known = 7, true
	check(7)
	newest = 3 // a reset
	check(3)
}

func TestSwitchTurnsTheRealFlag(t *testing.T) {
	on := true
	var fail error
	app := New(Options{
		Push: func() bool { return on },
		SetPush: func(to bool) error {
			if fail == nil {
				on = to
			}
			return fail
		},
	})
	get := func() bool { return read[flag](t, ask(app, "GET", "/app/push", ""), http.StatusOK).On }
	if !get() {
		t.Fatal("off at start")
	}
	for _, body := range []string{`{"on":false}`, `on=true`, `on=false`, `{"on":true}`} {
		want := body == `on=true` || body == `{"on":true}`
		if got := read[flag](t, ask(app, "POST", "/app/push", body), http.StatusOK); got.On != want || get() != want {
			t.Errorf("%s: answered %v, is %v", body, got.On, get())
		}
	}
	fail = errors.New("secret cause")
	p := read[problem](t, ask(app, "POST", "/app/push", "on=false"), http.StatusInternalServerError)
	if !get() || p.Code != "internal" || p.Detail == fail.Error() {
		t.Errorf("%+v, is %v", p, get())
	}
}

func TestToken(t *testing.T) {
	var asked time.Duration
	app := New(Options{TokenTTL: 90 * time.Second, Token: func(ttl time.Duration) (string, error) {
		asked = ttl
		return "aaa.bbb.ccc", nil
	}})
	w := ask(app, "POST", "/app/token", "")
	got := read[struct {
		Token   string `json:"token"`
		Expires int    `json:"expires_in_s"`
	}](t, w, http.StatusOK)
	if got.Token != "aaa.bbb.ccc" || got.Expires != 90 || asked != 90*time.Second {
		t.Errorf("%+v, asked for %v", got, asked)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("a token may be cached")
	}
	broken := New(Options{Token: func(time.Duration) (string, error) { return "", errors.New("no key") }})
	read[problem](t, ask(broken, "POST", "/app/token", ""), http.StatusInternalServerError)
}

func TestZeroOptionsWork(t *testing.T) {
	app := New(Options{})
	if got := read[outcome](t, ask(app, "POST", storiesPath, "title=a"), http.StatusCreated); got.Announced {
		t.Errorf("%+v", got)
	}
	for _, request := range [][3]string{{"GET", "/app/push"}, {"POST", "/app/push", "on=true"}, {"POST", "/app/token"}} {
		p := read[problem](t, ask(app, request[0], request[1], request[2]), http.StatusNotImplemented)
		if p.Code != "unavailable" {
			t.Errorf("%q: %+v", request, p)
		}
	}
	type settings struct {
		Fast       int64  `json:"fast_ms"`
		Slow       int64  `json:"slow_ms"`
		AddCommand string `json:"add_command"`
	}
	got := read[settings](t, ask(app, "GET", "/app/settings", ""), http.StatusOK)
	if got != (settings{3000, 60000, "curl -d 'title=Write the release note' http://127.0.0.1:8080/app/projects/42/stories"}) {
		t.Errorf("%+v", got)
	}
}
