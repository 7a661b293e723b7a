package status

import (
	"embed"
	"net/http"
	"strings"

	"nudge/web"
)

//go:embed page
var page embed.FS

var files = web.PageFiles(page)

const index = "index.html"

// policy lets the page load from its own origin only, runs no inline script, and parses no text as HTML.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// WantsPage reports whether a request for the status comes from a browser that shows it to somebody.
func WantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.URL.Query().Get("format") != "json"
}

// Page serves the status page. It loads its files from status/, beside its own path.
func Page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(files[index])
}

// Files returns what serves each file that the page loads, by name.
func Files() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for name, content := range files {
		if name != index {
			all[name] = web.PageFile(name, content)
		}
	}
	for _, f := range web.Files() {
		if f.Name == "nudge.js" {
			all[f.Name] = web.PageFile(f.Name, f.Content)
		}
	}
	return all
}
