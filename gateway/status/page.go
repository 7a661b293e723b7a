package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"time"

	"nudge/web"
)

//go:embed page
var page embed.FS

// policy lets the page load from its own origin only, runs no inline script, and parses no text as HTML.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// mediaTypes are named here because the system's own table may differ.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// WantsPage reports whether a request for the status comes from a browser that shows it to somebody.
func WantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.URL.Query().Get("format") != "json"
}

// Page serves the status page. It loads its files from status/, beside its own path.
func Page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", mediaTypes[".html"])
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(index)
}

var index = read("index.html")

// Files returns what serves each file of the page, by name.
func Files() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for _, name := range []string{"status.js", "charts.js", "status.css", "icon.svg"} {
		all[name] = file(name, read(name))
	}
	for name, content := range web.Chart() {
		all[name] = file(name, content)
	}
	for _, f := range web.Files() {
		if f.Name == "nudge.js" {
			all[f.Name] = file(f.Name, f.Content)
		}
	}
	return all
}

func read(name string) []byte {
	content, err := page.ReadFile("page/" + name)
	if err != nil {
		panic(err) // embedded: it was there when the program was built
	}
	return content
}

// file serves one file. A browser asks again each time and mostly hears that nothing changed.
func file(name string, content []byte) http.HandlerFunc {
	sum := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", mediaTypes[path.Ext(name)])
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}
