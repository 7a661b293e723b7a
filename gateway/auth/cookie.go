package auth

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// cookieMost is the size in bytes, name and attributes included, above which browsers drop a cookie.
const cookieMost = 4096

// hostPrefix begins the name of a cookie that browsers take only from its own host over TLS. A page of a sister host cannot
// set it, and so cannot give its visitor another identity.
const hostPrefix = "__Host-"

// mostCookies bounds how many cookies of one name are tried.
const mostCookies = 8

// Cookie returns the cookie that hands a verified token back to the page that sent it with r. Scripts cannot read it. The
// error says that no browser would keep it, because the token is too large.
func Cookie(r *http.Request, name, token string, expires time.Time) (*http.Cookie, error) {
	cookie := blankCookie(r, name)
	cookie.Value, cookie.MaxAge = token, max(1, int(time.Until(expires)/time.Second))
	if len(cookie.String()) > cookieMost {
		return nil, errors.New("the token is too large for a cookie of 4,096 bytes; sign one with fewer projects, or with a prefix such as team-*")
	}
	return cookie, nil
}

// NoCookies returns the cookies that make the browser which sent r forget its token, under each name that it may have. They
// have the attributes of the cookies that they replace, since a browser takes a Secure cookie back only over TLS.
func NoCookies(r *http.Request, name string) (all []*http.Cookie) {
	cookie := blankCookie(r, name)
	for _, n := range cookieNames(name) {
		if strings.HasPrefix(n, hostPrefix) && !cookie.Secure {
			continue // the browser has none, and would take none
		}
		one := *cookie
		one.Name, one.MaxAge = n, -1
		all = append(all, &one)
	}
	return all
}

// blankCookie returns the cookie of a name without a value. It has the prefix if the browser takes that.
func blankCookie(r *http.Request, name string) *http.Cookie {
	c := &http.Cookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !plainLoopback(r)}
	if c.Secure {
		c.Name = cookieNames(name)[0]
	}
	return c
}

// cookieNames returns the names that a cookie of a configured name may have, the safest first.
func cookieNames(name string) []string {
	if strings.HasPrefix(name, "__") { // the operator has chosen a prefix
		return []string{name}
	}
	return []string{hostPrefix + name, name}
}

// cookieTokens returns the values of all cookies of a configured name, in the order in which they are tried.
func cookieTokens(r *http.Request, name string) (tokens []string) {
	if len(r.Header["Cookie"]) == 0 {
		return nil
	}
	for _, n := range cookieNames(name) {
		for _, c := range r.CookiesNamed(n) {
			if c.Value != "" && len(tokens) < mostCookies {
				tokens = append(tokens, c.Value)
			}
		}
	}
	return tokens
}

// plainLoopback reports whether r is plain HTTP on one machine, where browsers would not take a Secure cookie. A proxy
// that ends TLS says so in X-Forwarded-Proto, and the page in its Origin; without these, a public host name is taken as a
// sign of TLS.
func plainLoopback(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" || strings.HasPrefix(r.Header.Get("Origin"), "https://") {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]") // without a port
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
