package config

import (
	"regexp"
	"strings"
	"time"
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
	case a.JWKS != "":
		r.refuse("auth.jwks", "is not supported by this version yet; use auth.secret").and("auth.secret")
	case a.Open && a.Secret != "":
		r.refuse("auth.open", "contradicts auth.secret; write open: false to check tokens, or remove the secret to let everybody in").
			and("auth.secret")
	case !a.Open && a.Secret == "" && purpose == ForServing:
		r.refuse("auth.secret", "is not set, and without keys everybody could subscribe; set NUDGE_AUTH_SECRET to the application's secret "+
			"(make one with %s), or write auth.open: true if only a private network can reach this gateway", makeSecret)
	}
	r.secret("auth.secret", a.Secret)
	r.secret("auth.previous_secret", a.PreviousSecret)
	if a.PreviousSecret != "" && a.Secret == "" {
		r.refuse("auth.previous_secret", "is only for rotation and needs auth.secret; write auth.secret too, or remove this").and("auth.secret")
	}
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

// secret checks a secret and never shows it.
func (r *refusals) secret(key, secret string) {
	switch {
	case secret == "":
	case len(secret) < shortestSecret:
		r.refuse(key, "has %d bytes and needs %d at least; make one with %s", len(secret), shortestSecret, makeSecret)
	case strings.TrimSpace(secret) != secret:
		// This happens with secrets from files: the application trims the end
		// of the line, and the gateway then refuses every token.
		r.refuse(key, "has white space or a line break around it; remove it, since the application probably signs without it")
	}
}
