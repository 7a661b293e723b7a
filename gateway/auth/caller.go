package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"nudge/version"
)

// Caller is who sends a request. The zero value is a caller without a token, who may do nothing. It does not change.
type Caller struct {
	Open       bool      // Settings.Open: may subscribe to everything
	Subject    string    // "sub"; "": the token has none
	Issued     time.Time // "iat", in whole seconds; zero: the token does not say
	Expires    time.Time // zero: never
	FromCookie bool      // the token came in a cookie, which browsers send for pages of any origin

	id        string // "jti"
	subscribe []version.Pattern
	publish   []version.Pattern
	revoke    []version.Pattern
	revoked   Revocations // in force when the request came
}

// Tag returns a short name of the subject, by which a page finds out that its stream was opened with the cookie of another
// page: all gateways give a subject the same one. It is no secret: 48 bits of a hash. "": tokens do not count here.
func (c *Caller) Tag() string {
	if c.Open {
		return ""
	}
	sum := sha256.Sum256([]byte("nudge caller:" + c.Subject))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// MaySubscribe reports whether the caller may see the versions of p.
func (c *Caller) MaySubscribe(p version.Project) bool {
	return c.Open || covers(c.subscribe, p) && !c.revoked.Match(c, p)
}

// Publishes reports whether the caller may publish any project over HTTP.
func (c *Caller) Publishes() bool { return len(c.publish) > 0 }

// MayPublish reports whether the caller may publish versions of p over HTTP.
func (c *Caller) MayPublish(p version.Project) bool {
	return covers(c.publish, p) && !c.revoked.Match(c, p)
}

// life returns for how long the token is valid: from its signing, or from now if it does not say when that was.
func (c *Caller) life(now time.Time) time.Duration {
	if !c.Issued.IsZero() {
		now = c.Issued
	}
	return c.Expires.Sub(now)
}

// Revokes reports whether the caller may revoke anything over HTTP.
func (c *Caller) Revokes() bool { return len(c.revoke) > 0 }

// MayRevoke reports whether the caller may revoke what a subject may do with p over HTTP; with the zero Project: any token as
// a whole, which only "*" allows.
func (c *Caller) MayRevoke(p version.Project) bool {
	if p == (version.Project{}) {
		return slices.ContainsFunc(c.revoke, func(t version.Pattern) bool { return t.String() == "*" })
	}
	return covers(c.revoke, p) && !c.revoked.Match(c, p)
}

func covers(all []version.Pattern, p version.Project) bool {
	return slices.ContainsFunc(all, func(t version.Pattern) bool { return t.Match(p) })
}
