package gateway

import (
	"net/http"

	"nudge/gateway/auth"
)

// session serves POST /session: a page sends its token once, and gets it back as a cookie that scripts cannot read, for
// requests that cannot carry headers.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request) {
	if g.opt.Cookie == "" {
		g.refuse(w, newProblem(http.StatusNotFound, codeNotFound, "cookies are switched off here: auth.cookie is empty"))
		return
	}
	token := auth.Bearer(r)
	if token == "" {
		g.refuse(w, unauthorized(auth.ErrMissing))
		return
	}
	c := g.current.Load()
	if c.verifier.Open() { // nobody needs the cookie
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	who, err := c.verifier.Verify(token, c.revoked)
	if err != nil {
		g.refuse(w, unauthorized(err))
		return
	}
	if g.foreign(r) {
		g.refuse(w, foreignOrigin())
		return
	}
	cookie, err := auth.Cookie(r, g.opt.Cookie, token, who.Expires)
	if err != nil {
		g.refuse(w, newProblem(http.StatusRequestEntityTooLarge, codeTooLarge, err.Error()))
		return
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
