// Package auth decides who a caller is, and what that caller may do: it finds and verifies tokens, knows the revoked ones,
// and knows which origins may use the cookie.
package auth

import "time"

// Settings say whose tokens are accepted. The zero value accepts none.
type Settings struct {
	Open           bool          // everybody may subscribe, nobody may publish over HTTP; tokens are ignored
	Secret         string        // HS256, HS384, HS512
	Previous       string        // also accepted, for rotation; "": none
	Issuer         string        // "iss" that is required; "": any
	Audience       string        // "aud" that is required; "": nudge
	RequireSubject bool          // refuse tokens without "sub"
	CookieSecure   CookieSecure  // when the cookie is Secure
	Leeway         time.Duration // allowed difference between the clocks of issuer and gateway
	TokenLife      time.Duration // refuse tokens that are valid for longer; 0: any
}

// Longest returns for how long a token may be accepted after it was signed; 0: for ever.
func (s Settings) Longest() time.Duration {
	if s.TokenLife <= 0 {
		return 0
	}
	return s.TokenLife + s.Leeway
}
