package gateway_test

import (
	"bytes"
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

// What a cache may not take for one another differs in its ETag.
func TestShimCompressed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, f := range web.Files() {
			bodies := map[string][]byte{"br": f.Brotli, "gzip": f.Gzip, "": f.Content}
			if f.Brotli == nil {
				delete(bodies, "br")
			}
			tags := map[string]bool{}
			for coding, body := range bodies {
				accept := "Accept-Encoding: identity;q=0.1, " + coding
				a := r.get("/"+f.Name, accept)
				tag := a.Header.Get("ETag")
				if a.Header.Get("Content-Encoding") != coding || a.body != string(body) || tags[tag] || a.Header.Get("Vary") != "Accept-Encoding" {
					t.Errorf("%s as %q: %d bytes, %v", f.Name, coding, len(a.body), a.Header)
				}
				tags[tag] = true
				if got := a.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) {
					t.Errorf("%s as %q: Content-Length: %s", f.Name, coding, got)
				}
				if again := r.get("/"+f.Name, accept, "If-None-Match: "+tag); again.StatusCode != 304 || again.body != "" {
					t.Errorf("%s as %q again: %d %v", f.Name, coding, again.StatusCode, again.Header)
				}
			}
			z, err := gzip.NewReader(bytes.NewReader(f.Gzip))
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, f.Content) {
				t.Errorf("%s: gzip has %d bytes, not %d: %v", f.Name, len(plain), len(f.Content), err)
			}
		}
	})
}

func TestShimCoding(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for accept, want := range map[string]string{
			"gzip, deflate, br, zstd":    "br",
			"gzip":                       "gzip",
			"gzip;q=1.0, br;q=0.5":       "br",
			"BR;Q=0.5 , GZIP; q=0.25":    "br",
			"br;q=0, gzip":               "gzip",
			"br;q=0.000":                 "",
			"br; q=0, gzip;q=0":          "",
			"*":                          "",
			"identity;q=0":               "", // nothing is acceptable: the page gets its script all the same
			"identity;q=0, gzip;q=0.001": "gzip",
			"identity, gzip;q=0.9":       "gzip",
			"brotli, x-gzip":             "",
			",, ;q=1,":                   "",
			"gzip\nAccept-Encoding: br":  "br",
			"":                           "",
		} {
			var headers []string
			for line := range strings.SplitSeq("Accept-Encoding: "+accept, "\n") {
				headers = append(headers, line)
			}
			if got := r.get("/nudge.js", headers...).Header.Get("Content-Encoding"); got != want {
				t.Errorf("Accept-Encoding: %q gives %q, not %q", accept, got, want)
			}
		}
		// The source map was not made with brotli.
		if got := r.get("/nudge.js.map", "Accept-Encoding: br, gzip").Header.Get("Content-Encoding"); got != "gzip" {
			t.Errorf("nudge.js.map: %q", got)
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
