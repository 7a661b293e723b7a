package gateway_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"nudge/gateway"
	"nudge/web"
)

func TestShim(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for path, kind := range map[string]string{
			"/nudge.js": "text/javascript", "/nudge.global.js": "text/javascript", "/nudge.d.ts": "application/typescript",
			"/nudge.js.map": "application/json",
		} {
			a := r.get(path, nobody, "Origin: https://anywhere.example")
			if a.StatusCode != 200 || len(a.body) < 100 || !strings.HasPrefix(a.Header.Get("Content-Type"), kind) {
				t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
			}
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("%s: Access-Control-Allow-Origin: %s", path, got)
			}
			if got := a.Header.Get("Cache-Control"); got != "public, max-age=300" {
				t.Errorf("%s: Cache-Control: %s", path, got)
			}
			if again := r.get(path, "If-None-Match: "+a.Header.Get("ETag")); again.StatusCode != 304 || again.body != "" {
				t.Errorf("%s again: %d, %d bytes", path, again.StatusCode, len(again.body))
			}
		}
	})
}

func TestShimPacked(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		plain := r.get("/nudge.js", "Accept-Encoding: br, gzip;q=0")
		packed := r.get("/nudge.js", "Accept-Encoding: br, gzip;q=0.5, deflate")
		if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatal(plain.Header, packed.Header)
		}
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(z); err != nil || string(body) != plain.body {
			t.Errorf("%d bytes packed, %d unpacked, not %d: %v", len(packed.body), len(body), len(plain.body), err)
		}
		if got := packed.Header.Get("Content-Length"); got != strconv.Itoa(len(packed.body)) {
			t.Errorf("Content-Length: %s", got)
		}
		if plain.Header.Get("ETag") == packed.Header.Get("ETag") || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("a cache takes one for the other: %v, %v", plain.Header, packed.Header)
		}
		if again := r.get("/nudge.js", "Accept-Encoding: gzip", "If-None-Match: "+packed.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("again: %d %v", again.StatusCode, again.Header)
		}
	})
}

func TestShimHashed(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.BasePath = "/push" }, func(t *testing.T, r *rig) {
		for _, f := range web.Files() {
			want := http.StatusOK
			if !f.Script() {
				want = http.StatusNotFound
			}
			a := r.get("/push/" + f.Hashed())
			if a.StatusCode != want {
				t.Errorf("%s: %d, not %d", f.Hashed(), a.StatusCode, want)
			}
			if a.StatusCode == 200 && (a.body != string(f.Content) || a.Header.Get("Cache-Control") != "public, max-age=31536000, immutable") {
				t.Errorf("%s: %d bytes, %v", f.Hashed(), len(a.body), a.Header)
			}
		}

		// The hash of another version leads to what this one has, and nobody remembers that.
		r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for path, want := range map[string]string{
			"/push/nudge.0123456789ab.js":        "/push/nudge.js",
			"/push/nudge.global.0123456789ab.js": "/push/nudge.global.js",
			"/push/nudge.other.0123456789ab.js":  "",
			"/push/nudge.0123456789abc.js":       "",
			"/push/nudge.0123456789ab.d.ts":      "",
		} {
			a := r.get(path)
			to, err := a.Location()
			if want == "" {
				isProblem(t, a, "not_found")
				continue
			}
			if a.StatusCode != 307 || err != nil || to.Path != want || a.Header.Get("Cache-Control") != "no-store" ||
				a.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: %d to %v (%v), %v", path, a.StatusCode, to, err, a.Header)
			}
		}
	})
}
