package auth

import (
	"net/http"
	"net/url"
	"strings"
)

// TokenHeader is the header for a token. Other software may need Authorization for itself, such as a proxy that asks for a
// password.
const TokenHeader = "X-Nudge-Token"

// Places say where a token may be, besides the headers.
type Places struct {
	Cookie Jar  // the cookie that may hold a token
	Query  bool // whether the parameter "token" of the query may
}

// Caller returns the caller who sent r, by its token: from TokenHeader, else Authorization, else the cookie, else the query.
// The first that is present counts, valid or not, with two exceptions. What other software puts into Authorization is no
// token: another scheme than Bearer counts as absent, and so does a Bearer token that is not valid if a cookie is. Of several
// cookies the first valid one counts: another host of the site can add cookies of the same name, but no valid token. The
// error is ErrMissing, ErrExpired, ErrInvalid or ErrPending.
func (v *Verifier) Caller(r *http.Request, revoked Revocations) (*Caller, error) {
	if v.open {
		return &Caller{Open: true}, nil
	}
	if token := r.Header.Get(TokenHeader); token != "" {
		return v.Verify(token, revoked)
	}
	bearer, cookies := bearer(r), v.places.Cookie.tokens(r)
	if bearer != "" {
		who, fault := v.judge(bearer, revoked)
		if fault != nil && len(cookies) > 0 {
			if other, _ := v.firstGood(cookies, revoked); other != nil {
				return other, nil
			}
		}
		return who, v.refused.report(fault)
	}
	if len(cookies) > 0 {
		return v.firstGood(cookies, revoked)
	}
	if v.places.Query {
		if token := queryToken(r.URL.RawQuery); token != "" {
			return v.Verify(token, revoked)
		}
	}
	return nil, ErrMissing
}

// firstGood returns the caller of the first valid token from a cookie, or else why the first one is not valid.
func (v *Verifier) firstGood(tokens []string, revoked Revocations) (*Caller, error) {
	var first error
	for _, token := range tokens {
		who, err := v.Verify(token, revoked)
		if err == nil {
			who.FromCookie = true
			return who, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// HeaderToken returns the token in a header of r; "" if there is none.
func HeaderToken(r *http.Request) string {
	if token := r.Header.Get(TokenHeader); token != "" {
		return token
	}
	return bearer(r)
}

// queryToken returns the parameter token of a query. It reads no other, of which strangers can send thousands.
func queryToken(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if text, ok := strings.CutPrefix(pair, "token="); ok {
			token, _ := url.QueryUnescape(text) // "" if it is malformed
			return token
		}
	}
	return ""
}

// bearer returns the token in Authorization; "" if there is none, or credentials of another scheme.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
