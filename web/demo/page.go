package demo

import (
	"embed"
	"fmt"
	"net/http"

	"nudge/web"
)

// contentSecurityPolicy lets the page load from its own origin only, runs no
// inline script and parses no text as HTML. The page may frame itself: that is
// its second window.
const contentSecurityPolicy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed page
var pages embed.FS

// loadFiles returns what serves each of the page's files, and of those given, by name.
func loadFiles(more map[string][]byte) map[string]http.HandlerFunc {
	files := map[string]http.HandlerFunc{}
	for _, some := range []map[string][]byte{web.PageFiles(pages), more} {
		for name, content := range some {
			files[name] = web.PageFile(name, content)
		}
	}
	return files
}

func (a *App) page(w http.ResponseWriter, r *http.Request) error {
	a.files["index.html"](w, r)
	return nil
}

func (a *App) asset(w http.ResponseWriter, r *http.Request) error {
	serve, ok := a.files[r.PathValue("file")]
	if !ok {
		return problem{
			http.StatusNotFound, "not-found", "",
			fmt.Sprintf("the page has no file %q", r.PathValue("file")),
		}
	}
	serve(w, r)
	return nil
}
