// Package shim serves the files that pages load: the shim and its parts, compressed and cacheable.
package shim

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"nudge/web"
)

// How long browsers may cache a file. Under its plain name it changes with the version of the gateway; a name with a hash
// always means the same content.
const (
	shortly = "public, max-age=300"
	forever = "public, max-age=31536000, immutable"
)

// Handlers returns what serves each path, for GET and HEAD of pages of any origin. {hash:…} in a path is a pattern of chi.
func Handlers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	for _, f := range web.Files() {
		all["/"+f.Name] = file(f, shortly)
		if f.Script() {
			all["/"+f.Hashed()] = file(f, forever)
			// A page may ask for the hash of another version, during a deploy or long after: any shim is better than none.
			all["/"+strings.TrimSuffix(f.Name, ".js")+".{hash:[0-9a-f]{12}}.js"] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Access-Control-Allow-Origin", "*")
				w.Header().Set("Cache-Control", "no-store")
				w.Header().Set("Location", f.Name) // relative: only the proxy in front knows the whole path
				w.WriteHeader(http.StatusTemporaryRedirect)
			}
		}
	}
	return all
}

// file serves one file, compressed if the browser accepts that.
func file(f web.File, cache string) http.HandlerFunc {
	bodies := map[string][]byte{"br": f.Brotli, "gzip": f.Gzip, identity: f.Content}
	codings := []string{"br", "gzip"} // the smallest first
	if f.Brotli == nil {
		codings = codings[1:]
	}
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Content-Type", f.Type)
		h.Set("Cache-Control", cache)
		h.Set("Vary", "Accept-Encoding")
		etag, coding := f.Hash, acceptedCoding(r.Header.Values("Accept-Encoding"), codings)
		body := bodies[coding]
		if coding != identity {
			etag += "-" + coding
			h.Set("Content-Encoding", coding)
			h.Set("Content-Length", strconv.Itoa(len(body))) // ServeContent leaves it out where there is an encoding
		}
		h.Set("ETag", `"`+etag+`"`)
		http.ServeContent(w, r, f.Name, time.Time{}, bytes.NewReader(body))
	}
}

// identity is the content coding that changes nothing.
const identity = "identity"

// acceptedCoding returns the first of codings that Accept-Encoding names and does not refuse by q=0; if there is none, identity.
// Which of them the browser would rather have does not count: the smallest costs least.
func acceptedCoding(accept, codings []string) string {
	accepted := map[string]bool{}
	for element := range strings.SplitSeq(strings.ToLower(strings.Join(accept, ",")), ",") {
		name, params, _ := strings.Cut(element, ";")
		quality, given := strings.CutPrefix(strings.TrimSpace(params), "q=")
		accepted[strings.TrimSpace(name)] = !given || strings.Trim(quality, "0. ") != ""
	}
	for _, coding := range codings {
		if accepted[coding] {
			return coding
		}
	}
	return identity
}
