package auth

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"
)

// cookieMost is the size in bytes, name and attributes included, above which browsers drop a cookie.
const cookieMost = 4096

// hostPrefix begins the name of a cookie that browsers take only from its own host over TLS, for all paths. A page of a sister
// host cannot set it, and so cannot give its visitor another identity.
const hostPrefix = "__Host-"

// mostCookies bounds how many cookies of one name are tried.
const mostCookies = 8

// CookieSecure says when the cookie is Secure. Browsers drop a Secure cookie that comes over plain HTTP, and send it over TLS
// only.
type CookieSecure string

// When the cookie is Secure. The zero value is Auto.
const (
	Auto   CookieSecure = "auto" // when the page was loaded over TLS
	Always CookieSecure = "always"
	Never  CookieSecure = "never"
)

// Jar is the cookie that may hold a token. The zero value is none.
type Jar struct {
	Name string // as configured; the gateway may put a prefix before it
	Path string // below which browsers send it; "": everywhere on the host
}

// Give returns the cookie that hands a verified token back to the page that sent it. Scripts cannot read it. The error says
// that no browser would keep it, because the token is too large.
func (j Jar) Give(secure bool, token string, expires time.Time) (*http.Cookie, error) {
	cookie := j.blank(secure)
	cookie.Value, cookie.MaxAge = token, max(1, int(time.Until(expires)/time.Second))
	if len(cookie.String()) > cookieMost {
		return nil, errors.New("the token is too large for a cookie of 4,096 bytes; sign one with fewer projects, or with a prefix such as team-*")
	}
	return cookie, nil
}

// TakeBack returns the cookies that make a browser forget its token, under each name that it may have. They have the
// attributes of the cookies that they replace, since a browser takes a Secure cookie back only over TLS.
func (j Jar) TakeBack(secure bool) (all []*http.Cookie) {
	cookie := j.blank(secure)
	for _, n := range j.names() {
		if n != cookie.Name && strings.HasPrefix(n, hostPrefix) {
			continue // the browser has none, and would take none
		}
		one := *cookie
		one.Name, one.MaxAge = n, -1
		all = append(all, &one)
	}
	return all
}

// blank returns the cookie without a value. It has the prefix if the browser takes that.
func (j Jar) blank(secure bool) *http.Cookie {
	c := &http.Cookie{Name: j.Name, Path: cmp.Or(j.Path, "/"), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure}
	if secure && j.Path == "" {
		c.Name = j.names()[0]
	}
	return c
}

// names returns the names that the cookie may have, the safest first. Below a path the gateway gives it no prefix, and one
// that has it is older, or the application's.
func (j Jar) names() []string {
	switch {
	case strings.HasPrefix(j.Name, "__"): // the operator has chosen a prefix
		return []string{j.Name}
	case j.Path != "":
		return []string{j.Name, hostPrefix + j.Name}
	}
	return []string{hostPrefix + j.Name, j.Name}
}

// tokens returns the values of all cookies of this name that came with r, in the order in which they are tried.
func (j Jar) tokens(r *http.Request) (tokens []string) {
	if j.Name == "" || len(r.Header["Cookie"]) == 0 {
		return nil
	}
	for _, n := range j.names() {
		for _, c := range r.CookiesNamed(n) {
			if c.Value != "" && len(tokens) < mostCookies {
				tokens = append(tokens, c.Value)
			}
		}
	}
	return tokens
}

// Secure reports whether the cookie of a page is Secure. https: the page was loaded over TLS.
func (s CookieSecure) Secure(https bool) bool { return s == Always || s != Never && https }
