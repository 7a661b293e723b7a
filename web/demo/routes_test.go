package demo

import (
	"net/http"
	"testing"
)

func TestMethods(t *testing.T) {
	app := New(Options{})
	for path, allow := range map[string]string{
		"/":                       "GET, HEAD",
		"/app/page/main.js":       "GET, HEAD",
		"/app/settings":           "GET, HEAD",
		"/app/token":              "POST",
		"/app/switches":           "GET, HEAD, POST",
		boardPath:                 "GET, HEAD",
		boardPath + "/changes":    "GET, HEAD",
		storiesPath:               "POST",
		storiesPath + "/1":        "GET, HEAD",
		storiesPath + "/1/move":   "POST",
		storiesPath + "/1/rename": "POST",
	} {
		w := ask(app, "DELETE", path, "")
		p := read[refusal](t, w, http.StatusMethodNotAllowed)
		if w.Header().Get("Allow") != allow || p.Code != "method" {
			t.Errorf("%s: Allow %q, %+v", path, w.Header().Get("Allow"), p)
		}
	}
	for _, path := range []string{"/app", "/app/projects/7", "/app/projects/42/", "/index.html", storiesPath + "/1/delete"} {
		if p := read[refusal](t, ask(app, "GET", path, ""), http.StatusNotFound); p.Code != "not-found" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	read[refusal](t, ask(app, "GET", storiesPath+"/99", ""), http.StatusNotFound)
}

// A page of another site can make a browser send these; none may have effect.
func TestForeignSitesAreRefused(t *testing.T) {
	const own = "127.0.0.1:8080"
	for _, test := range []struct {
		name string
		head []string
		want int
	}{
		{"curl", nil, 201},
		{"own page", []string{"Origin", "http://" + own, "Sec-Fetch-Site", "same-origin"}, 201},
		{"own page, old browser", []string{"Origin", "http://" + own}, 201},
		{"foreign page", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"foreign page, old browser", []string{"Origin", "https://evil.example"}, 403},
		{"another port", []string{"Origin", "http://127.0.0.1:9999", "Sec-Fetch-Site", "same-site"}, 403},
		{"sandboxed", []string{"Origin", "null"}, 403},
		{"rebound name", []string{"Host", "evil.example:8080", "Origin", "http://evil.example:8080", "Sec-Fetch-Site", "same-origin"}, 403},
		{"rebound name, no port", []string{"Host", "evil.example"}, 403},
		{"name like an address", []string{"Host", "127.0.0.1.evil.example:8080"}, 403},
		{"no host", []string{"Host", ""}, 403},
		{"localhost", []string{"Host", "LocalHost:8080"}, 201},
		{"below localhost", []string{"Host", "nudge.localhost"}, 201},
		{"IPv6", []string{"Host", "[::1]:8080"}, 201},
		{"IPv6, no port", []string{"Host", "[::1]"}, 201},
		{"named host", []string{"Host", "demo.example:8080"}, 201},
	} {
		app := New(Options{Hosts: []string{"Demo.example"}})
		w := ask(app, "POST", storiesPath, "title=a", test.head...)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d: %s", test.name, w.Code, test.want, w.Body)
		}
		if changed := app.Version() != seedVersion; changed != (test.want == 201) {
			t.Errorf("%s: board at %d", test.name, app.Version())
		}
	}
}

// Reading is refused under a foreign name too: rebinding makes it same-origin.
func TestForeignNameReadsNothing(t *testing.T) {
	app := New(Options{})
	for _, path := range []string{"/", boardPath, "/app/settings", "/app/switches"} {
		p := read[refusal](t, ask(app, "GET", path, "", "Host", "evil.example"), http.StatusForbidden)
		if p.Code != "host" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	for _, path := range []string{"/app/switches", "/app/token", storiesPath + "/1/move"} {
		p := read[refusal](t, ask(app, "POST", path, "", "Origin", "https://evil.example"), http.StatusForbidden)
		if p.Code != "origin" {
			t.Errorf("%s: %+v", path, p)
		}
	}
}
