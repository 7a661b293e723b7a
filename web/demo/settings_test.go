package demo

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

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
	read[refusal](t, ask(broken, "POST", "/app/token", ""), http.StatusInternalServerError)
}

func TestZeroOptionsWork(t *testing.T) {
	app := New(Options{})
	if got := read[outcome](t, ask(app, "POST", storiesPath, "title=a"), http.StatusCreated); got.Announced {
		t.Errorf("%+v", got)
	}
	if p := read[refusal](t, ask(app, "POST", "/app/token", ""), http.StatusNotImplemented); p.Code != "unavailable" {
		t.Errorf("%+v", p)
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
