package gateway

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"nudge/web"
)

// How long browsers may cache a file. Under its plain name it changes with the version of the gateway; a name with a hash
// always means the same content.
const (
	shortly = "public, max-age=300"
	forever = "public, max-age=31536000, immutable"
)

// shims serves the browser's files to pages of any origin.
func (g *Gateway) shims(r chi.Router) {
	for _, f := range web.Files() {
		getAndHead(r, "/"+f.Name, shim(f, shortly))
		if f.Script() {
			getAndHead(r, "/"+f.Hashed(), shim(f, forever))
			// A page may ask for the hash of another version, during a deploy or long after: any shim is better than none.
			other := strings.TrimSuffix(f.Name, ".js") + ".{hash:[0-9a-f]{12}}.js"
			getAndHead(r, "/"+other, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Access-Control-Allow-Origin", "*")
				w.Header().Set("Cache-Control", "no-store")
				w.Header().Set("Location", f.Name) // relative: only the proxy in front knows the whole path
				w.WriteHeader(http.StatusTemporaryRedirect)
			})
		}
	}
}

// shim serves one file, compressed if the browser accepts that.
func shim(f web.File, cache string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Content-Type", f.Type)
		h.Set("Cache-Control", cache)
		h.Set("Vary", "Accept-Encoding")
		h.Set("X-Content-Type-Options", "nosniff")
		etag, body := f.Hash, f.Content
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			etag, body = etag+"-gzip", f.Packed
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(body))) // ServeContent leaves it out where there is an encoding
		}
		h.Set("ETag", `"`+etag+`"`)
		http.ServeContent(w, r, f.Name, time.Time{}, bytes.NewReader(body))
	}
}

// takesGzip parses Accept-Encoding as far as browsers and proxies use it: a quality of 0 is a no.
func takesGzip(accepted string) bool {
	for coding := range strings.SplitSeq(accepted, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			quality, said := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			return !said || strings.Trim(quality, "0.") != ""
		}
	}
	return false
}
