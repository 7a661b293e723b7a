package gateway

import (
	"net/http"

	"nudge/gateway/auth"
	"nudge/gateway/limits"
)

// callerHeader tells a page whom its token names. A stream that names somebody else has the cookie of another page.
const callerHeader = "X-Nudge-Caller"

// session serves POST /session: a page sends its token once, and gets it back as a cookie that scripts cannot read, for
// requests that cannot carry headers.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request) *problem {
	if g.opt.Cookie == "" {
		return noCookies()
	}
	token := auth.HeaderToken(r)
	if token == "" {
		return unauthorized(auth.ErrMissing)
	}
	c := g.current.Load()
	if c.verifier.Open() { // nobody needs the cookie
		writeNothing(w)
		return nil
	}
	who, err := c.verifier.Verify(token, c.revoked)
	if err != nil {
		return unauthorized(err)
	}
	if g.foreign(r) {
		return g.foreignOrigin(r)
	}
	if p := g.overQuota(r, limits.Sessions, who); p != nil {
		return p
	}
	cookie, err := g.jar().Give(g.secureCookie(r), token, who.Expires)
	if err != nil {
		return newProblem(http.StatusRequestEntityTooLarge, codeTooLarge, err.Error())
	}
	http.SetCookie(w, cookie)
	g.lost.Given(r, g.address(r).String(), cookie)
	w.Header().Set(callerHeader, who.Tag())
	writeNothing(w)
	return nil
}

// endSession serves DELETE /session: the page's user has left, so the browser shall forget the cookie. It takes no token:
// the one in the cookie may have expired.
func (g *Gateway) endSession(w http.ResponseWriter, r *http.Request) *problem {
	if g.opt.Cookie == "" {
		return noCookies()
	}
	if g.foreign(r) {
		return g.foreignOrigin(r)
	}
	if p := g.overQuota(r, limits.Sessions, &auth.Caller{}); p != nil {
		return p
	}
	for _, c := range g.jar().TakeBack(g.secureCookie(r)) {
		http.SetCookie(w, c)
	}
	writeNothing(w)
	return nil
}

// jar is the cookie of this gateway. Two gateways below paths of one host have each their own.
func (g *Gateway) jar() auth.Jar { return auth.Jar{Name: g.opt.Cookie, Path: g.opt.BasePath} }

func (g *Gateway) secureCookie(r *http.Request) bool {
	return g.current.Load().Auth.CookieSecure.Secure(auth.HTTPS(r, g.proxied(r)))
}

func noCookies() *problem {
	return newProblem(http.StatusNotFound, codeNotFound, "cookies are switched off here: auth.cookie is empty")
}
