package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	secrets "nudge/clients/go/token"
)

// shortestSecret is the size of the smallest HMAC in use, in bytes. A shorter
// secret would be easier to guess than the signature.
const shortestSecret = 32

const makeSecret = "openssl rand -hex 32"

// cookieName matches a token, as HTTP defines it.
var cookieName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (c *Config) checkAuth(r *refusals, purpose Purpose) {
	a := c.Auth
	switch {
	case a.Open && a.Secret != "":
		r.refuse("auth.open", "contradicts auth.secret; write open: false to check tokens, or remove the secret to let everybody in").
			and("auth.secret")
	case a.Open && (a.JWKS != "" || len(a.Issuers) > 0):
		r.refuse("auth.open", "contradicts auth.jwks and auth.issuers; write open: false to check tokens, or remove them to let everybody in").
			and("auth.jwks", "auth.issuers")
	case a.Secret != "" && a.JWKS != "":
		r.refuse("auth.jwks", "contradicts auth.secret, since public keys and secrets must not verify the same tokens; remove one of them, or "+
			"bind one to its issuer in auth.issuers").and("auth.secret")
	case !a.Open && a.Secret == "" && a.JWKS == "" && len(a.Issuers) == 0 && purpose == ForServing:
		r.refuse("auth.secret", "is not set, and without keys everybody could subscribe; set NUDGE_AUTH_SECRET to the application's secret "+
			"(make one with %s), or auth.jwks to the public keys of an identity provider, or write auth.open: true if only a private network "+
			"can reach this gateway", makeSecret)
	}
	r.secret("auth.secret", a.Secret)
	r.secret("auth.previous_secret", a.PreviousSecret)
	if a.PreviousSecret != "" && a.Secret == "" {
		r.refuse("auth.previous_secret", "is only for rotation and needs auth.secret; write auth.secret too, or remove this").and("auth.secret")
	}
	if text := badJWKS(a.JWKS); text != "" {
		r.refuse("auth.jwks", "%s", text)
	}
	c.checkIssuers(r)
	c.checkClaims(r)
	if a.Audience == "" {
		r.refuse("auth.audience", "is empty, so tokens made for others would pass; write nudge, or what the application puts in aud")
	}
	r.within("auth.leeway", a.Leeway, 0, 10*time.Minute)
	if a.TokenLife != 0 && (a.TokenLife < time.Minute || a.TokenLife > 100*366*day) {
		r.refuse("auth.token_life", "%s is not between 1m and 878400h; write the longest time for which the application signs tokens, or 0s for any",
			plain(a.TokenLife))
	}
	r.oneOf("auth.cookie_secure", a.CookieSecure, "auto", "always", "never")
	switch {
	case strings.HasPrefix(a.Cookie, "__Host-") && c.BasePath != "":
		r.refuse("auth.cookie", "%s is only for a gateway without base_path: browsers want such a cookie for all paths; write %s", show(a.Cookie), show(a.Cookie[len("__Host-"):])).
			and("base_path")
	case strings.HasPrefix(a.Cookie, "__") && a.CookieSecure == "never":
		r.refuse("auth.cookie_secure", "never contradicts auth.cookie %s, which browsers take only as Secure; write auto, or a name without the prefix", show(a.Cookie)).
			and("auth.cookie")
	}
	if a.Cookie != "" && !cookieName.MatchString(a.Cookie) {
		r.refuse("auth.cookie", `%s is no cookie name; write letters, digits, - or _, or "" for no cookie`, show(a.Cookie))
	}
}

// checkClaims checks the names of claims: each is one claim, and none has another meaning already.
func (c *Config) checkClaims(r *refusals) {
	taken := map[string]string{}
	for _, name := range []string{"iss", "aud", "exp", "nbf", "iat", "jti"} {
		taken[name] = "has a meaning of its own"
	}
	for _, s := range settings {
		if !strings.HasPrefix(s.key, "auth.claims.") {
			continue
		}
		name := s.in(c).String()
		switch {
		case name == "":
			r.refuse(s.key, "is empty; write the name of the claim, such as %s", s.example())
		case taken[name] != "":
			r.refuse(s.key, "%s %s; write another claim, such as %s", show(name), taken[name], s.example())
		}
		taken[name] = "is " + s.key + " too"
	}
}

// secret checks a secret and never shows it.
func (r *refusals) secret(key, secret string) {
	if text := badSecret(secret); text != "" {
		r.refuse(key, "%s", text)
	}
}

// badSecret says what is wrong with a secret; "": nothing.
func badSecret(secret string) string {
	key, err := SecretBytes(secret)
	switch {
	case secret == "":
	case strings.TrimSpace(secret) != secret:
		// This happens with secrets from files: the application trims the end
		// of the line, and the gateway then refuses every token.
		return "has white space or a line break around it; remove it, since the application probably signs without it"
	case err != nil:
		return "is not base64 after base64:; write what openssl rand -base64 32 prints, or remove base64: if the application signs with the text"
	case len(key) < shortestSecret:
		return fmt.Sprintf("has %d bytes and needs %d at least; make one with %s", len(key), shortestSecret, makeSecret)
	}
	return ""
}

// SecretBytes returns the bytes of a secret, as applications get them: see [secrets.Key].
func SecretBytes(text string) (string, error) {
	key, err := secrets.Key(text)
	return string(key), err
}

// badJWKS says what is wrong with the place of public keys; "": nothing.
func badJWKS(text string) string {
	const fix = "; write an https URL, or the name of a file"
	if !strings.Contains(text, "://") {
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			return "is a key set itself; write it into a file, and the name of the file here"
		}
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "is no URL" + fix
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "has no TLS, so whoever is on the way could send keys of their own" + fix + " (http is for this machine only)"
	case u.Scheme != "http" && u.Scheme != "https":
		return "has the scheme " + show(u.Scheme) + fix
	}
	return ""
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
