package auth

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Hosts are the names under which a listener answers, without ports. A page of another host can make its own name lead to the
// listener's address (DNS rebinding), and is then of the same origin for the browser. But its name is in Host.
type Hosts []string

// Allow reports whether a Host header names this listener. Addresses and localhost always do: no page has such a name.
func (h Hosts) Allow(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(h, func(own string) bool { return own == "*" || strings.EqualFold(own, name) })
}

// OtherSite reports whether the request comes from a page of another origin, as browsers say in Sec-Fetch-Site, also where
// they send no Origin: for images, scripts, and the like.
func OtherSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// Followed reports whether the user followed a link: then the page that has it cannot read the answer.
func Followed(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
