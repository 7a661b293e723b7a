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

// NoCookie returns the cookie that makes the browser which sent r forget its token. It has the attributes of the cookie
// that it replaces, since a browser takes a Secure cookie back only over TLS.
func NoCookie(r *http.Request, name string) *http.Cookie {
	cookie := blankCookie(r, name)
	cookie.MaxAge = -1
	return cookie
}

func blankCookie(r *http.Request, name string) *http.Cookie {
	return &http.Cookie{
		Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !plainLoopback(r),
	}
}

// plainLoopback reports whether r is plain HTTP on one machine, where browsers would not take a Secure cookie. A proxy
// that ends TLS says so in X-Forwarded-Proto; without it, a public host name is taken as a sign of TLS.
func plainLoopback(r *http.Request) bool {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]") // without a port
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
