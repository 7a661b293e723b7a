package gateway

import (
	"net"
	"net/http"
	"strings"
	"time"
)

// cookieMost is what browsers keep of one cookie, name and attributes included.
const cookieMost = 4096

// session serves POST /session: a page gives its token once, and gets it back as a cookie that scripts
// cannot read, for requests that cannot carry headers.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request) {
	if g.opt.Cookie == "" {
		g.refuse(w, newProblem(http.StatusNotFound, codeNotFound, "cookies are switched off here: auth.cookie is empty"))
		return
	}
	token := bearer(r)
	if token == "" {
		g.refuse(w, unauthorized(errTokenMissing))
		return
	}
	c := g.current.Load()
	if c.verifier.open { // nobody needs the cookie
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	who, err := c.verifier.verify(token)
	if err == nil {
		who, err = c.unrevoked(who)
	}
	if err != nil {
		g.refuse(w, unauthorized(err))
		return
	}
	if g.foreign(r) {
		g.refuse(w, foreignOrigin())
		return
	}
	cookie := &http.Cookie{
		Name: g.opt.Cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: max(1, int(time.Until(who.expires)/time.Second)), Secure: !plainLoopback(r),
	}
	if len(cookie.String()) > cookieMost {
		g.refuse(w, newProblem(http.StatusRequestEntityTooLarge, codeTooLarge,
			"the token is too large for a cookie of 4,096 bytes; sign one with fewer projects, or with a prefix such as team-*"))
		return
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// plainLoopback tells plain HTTP on one machine, where browsers would not take a Secure cookie. A proxy that
// ends TLS says so in X-Forwarded-Proto; without it, a public host name speaks for TLS.
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
