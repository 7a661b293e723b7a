// Package auth decides who a caller is, and what that caller may do: it finds and verifies tokens, knows the revoked ones,
// and knows which origins may use the cookie.
//
//	token ─► Verifier.examine: form, header, claims, issuer, algorithm, key, signature, times, audience, subject ─► Caller
package auth

import (
	"cmp"
	"time"

	"nudge/version"
)

// Settings say whose tokens are accepted. The zero value accepts none.
type Settings struct {
	Open           bool          // everybody may subscribe, nobody may publish over HTTP; tokens are ignored
	Secret         string        // HS256, HS384, HS512; its bytes
	Previous       string        // also accepted, for rotation; "": none
	JWKS           string        // source of public keys, in place of a secret: a URL, or the name of a file
	Issuer         string        // "iss" that is required; "": any that is none of Issuers
	Audience       string        // "aud" that is required; "": nudge
	Issuers        []Issuer      // further ones who sign tokens, such as tenants
	Claims         Claims        // names of claims
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

// Issuer is one of several who sign tokens. Two may have the same Name, so that one can follow the other without a gap.
type Issuer struct {
	Name     string            // the "iss" of its tokens, letter by letter
	Secret   string            // or
	JWKS     string            // one of them
	Audience string            // "": that of the settings
	Projects []version.Pattern // its tokens reach no others; nil: they may reach all
}

// Claims are the names of the claims that a token may have under another name; "": the usual one.
type Claims struct {
	Subject   string // sub
	Subscribe string // subscribe
	Publish   string // publish
	Revoke    string // revoke
}

func (c Claims) withDefaults() Claims {
	return Claims{cmp.Or(c.Subject, "sub"), cmp.Or(c.Subscribe, "subscribe"), cmp.Or(c.Publish, "publish"), cmp.Or(c.Revoke, "revoke")}
}

// Sources returns the sources of all key sets that the settings name.
func (s *Settings) Sources() (all []string) {
	if s.JWKS != "" {
		all = append(all, s.JWKS)
	}
	for _, i := range s.Issuers {
		if i.JWKS != "" {
			all = append(all, i.JWKS)
		}
	}
	return all
}
