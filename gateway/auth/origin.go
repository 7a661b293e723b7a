package auth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Origins are the origins of pages on other hosts that may read answers and use the cookie; "*": all.
type Origins []string

// Allow reports whether pages of an origin may read the answers of this host.
func (o Origins) Allow(origin, host string) bool {
	return sameHost(origin, host) || slices.Contains(o, "*") || slices.Contains(o, origin)
}

// Foreign reports whether the request comes from a page that is neither of this host nor allowed. A request without an
// Origin comes from no page, or from one of this origin, unless the browser says otherwise: pages of other origins send none
// when they load an image or a script.
func (o Origins) Foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return OtherSite(r)
	}
	return !o.Allow(origin, r.Host)
}

// sameHost compares host and port, with the scheme's default port filled in on both sides. The scheme itself is not
// compared: behind a proxy that ends TLS, the gateway does not know its own.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // such as "null", the origin of a sandboxed page
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	trim := func(h string) string { return strings.ToLower(strings.TrimSuffix(h, port)) }
	return trim(u.Host) == trim(host)
}
