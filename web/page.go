package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// chart is uPlot, which draws charts.
//
//go:embed chart
var chart embed.FS

// mediaTypes are named here because the system's own table may differ.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".map":  "application/json",
	".svg":  "image/svg+xml",
	".ts":   "application/typescript; charset=utf-8",
}

// PageFiles returns by name what a page has in its folder "page", and uplot.js and uplot.css, which draw its charts.
func PageFiles(pages embed.FS) map[string][]byte {
	files := map[string][]byte{}
	for folder, from := range map[string]embed.FS{"page": pages, "chart": chart} {
		entries, err := from.ReadDir(folder)
		if err != nil {
			panic(err) // embedded: it was there when the program was built
		}
		for _, entry := range entries {
			if files[entry.Name()], err = from.ReadFile(folder + "/" + entry.Name()); err != nil {
				panic(err)
			}
		}
	}
	return files
}

// PageFile returns what serves a file of a page. A browser asks again each time and mostly hears that nothing changed.
func PageFile(name string, content []byte) http.HandlerFunc {
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
