package demo

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestSwitchesAreTurned(t *testing.T) {
	on := true
	var fail error
	app := New(Options{Switches: map[string]Switch{"push": {
		On: func() bool { return on },
		Set: func(to bool) error {
			if fail == nil {
				on = to
			}
			return fail
		},
	}}})
	get := func() map[string]bool {
		return read[map[string]bool](t, ask(app, "GET", "/app/switches", ""), http.StatusOK)
	}
	if got := get(); len(got) != 3 || !got["push"] || !got["colleague"] || !got["data"] {
		t.Fatalf("at start %v", got)
	}
	for _, body := range []string{`{"push":false}`, `push=true`, `push=false`, `{"push":true}`} {
		want := strings.Contains(body, "true")
		if got := read[map[string]bool](t, ask(app, "POST", "/app/switches", body), http.StatusOK); got["push"] != want || on != want {
			t.Errorf("%s: answered %v, is %v", body, got, on)
		}
	}
	if got := read[map[string]bool](t, ask(app, "POST", "/app/switches", "colleague=false&data=false"), http.StatusOK); got["colleague"] || got["data"] || !got["push"] {
		t.Errorf("two at once: %v", got)
	}
	fail = errors.New("secret cause")
	p := read[refusal](t, ask(app, "POST", "/app/switches", "push=false"), http.StatusInternalServerError)
	if !get()["push"] || p.Code != "internal" || strings.Contains(p.Detail, "secret") {
		t.Errorf("%+v, is %v", p, on)
	}
}
