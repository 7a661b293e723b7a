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
	Subject    string    // "sub"; "": the token has none. Of a signer in auth.issuers it is "iss sub": it names its own users only
	Issued     time.Time // "iat", in whole seconds; zero: the token does not say
	Expires    time.Time // zero: never
	FromCookie bool      // the token came in a cookie, which browsers send for pages of any origin

	id        string // "jti"
	subscribe []version.Pattern
	publish   []version.Pattern
	revoke    []version.Pattern
	within    []version.Pattern // of whoever signed the token: it reaches no others; nil: it may reach all
	issuer    string            // the signer in auth.issuers; "": another
	revoked   Revocations       // in force when the request came
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
	return c.Open || c.reaches(c.subscribe, p)
}

// Publishes reports whether the caller may publish any project over HTTP.
func (c *Caller) Publishes() bool { return len(c.publish) > 0 }

// MayPublish reports whether the caller may publish versions of p over HTTP.
func (c *Caller) MayPublish(p version.Project) bool {
	return c.reaches(c.publish, p)
}

// reaches reports whether the token reaches p by these patterns: its signer may reach p too, and it is not revoked.
func (c *Caller) reaches(patterns []version.Pattern, p version.Project) bool {
	return covers(patterns, p) && (c.within == nil || covers(c.within, p)) && !c.revoked.Match(c, p)
}

// Revokes reports whether the caller may revoke anything over HTTP.
func (c *Caller) Revokes() bool { return len(c.revoke) > 0 }

// MayRevoke reports whether the caller may revoke what a subject may do with p over HTTP; with the zero Project: any token as
// a whole, which only "*" allows. See also [Caller.Own].
func (c *Caller) MayRevoke(p version.Project) bool {
	if p == (version.Project{}) {
		return slices.ContainsFunc(c.revoke, func(t version.Pattern) bool { return t.String() == "*" })
	}
	return c.reaches(c.revoke, p)
}

// Own returns the subject that a caller means by a name. One whose signer is in auth.issuers means a user of that signer, and
// may revoke nothing else: only then all is true.
func (c *Caller) Own(sub string) (subject string, all bool) {
	return qualified(c.issuer, sub), c.issuer == ""
}

func covers(all []version.Pattern, p version.Project) bool {
	return slices.ContainsFunc(all, func(t version.Pattern) bool { return t.Match(p) })
}
