package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"time"

	"nudge/web"
)

// contentSecurityPolicy lets the page load from its own origin only, runs no
// inline script and parses no text as HTML. The page may frame itself: that is
// its second window.
const contentSecurityPolicy = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed page
var pages embed.FS

// mediaTypes are named here because the system's own table may differ.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".json": "application/json",
	".map":  "application/json",
}

// file is one embedded file of the page.
type file struct {
	name, mediaType, etag string
	body                  []byte
}

// loadFiles reads the page's files by name, and adds those given.
func loadFiles(more map[string][]byte) map[string]file {
	entries, err := pages.ReadDir("page")
	if err != nil {
		panic(err) // embedded: it was there when the program was built
	}
	files := make(map[string]file, len(entries))
	for _, entry := range entries {
		body, err := pages.ReadFile("page/" + entry.Name())
		if err != nil {
			panic(err)
		}
		files[entry.Name()] = newFile(entry.Name(), body)
	}
	for _, some := range []map[string][]byte{web.Chart(), more} {
		for name, body := range some {
			files[name] = newFile(name, body)
		}
	}
	return files
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	return file{
		name:      name,
		mediaType: mediaTypes[path.Ext(name)],
		etag:      `"` + hex.EncodeToString(sum[:8]) + `"`,
		body:      body,
	}
}

func (a *App) page(w http.ResponseWriter, r *http.Request) error {
	a.files["index.html"].serve(w, r)
	return nil
}

func (a *App) asset(w http.ResponseWriter, r *http.Request) error {
	f, ok := a.files[r.PathValue("file")]
	if !ok {
		return problem{
			http.StatusNotFound, "not-found", "",
			fmt.Sprintf("the page has no file %q", r.PathValue("file")),
		}
	}
	f.serve(w, r)
	return nil
}

// serve answers the file; a browser asks again each time and mostly hears that
// nothing changed.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.mediaType)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", f.etag)
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.body))
}
