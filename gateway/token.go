package gateway

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/version"
)

// Why a caller is not believed. The texts are the codes of the refusal; nobody outside is told more.
var (
	errTokenMissing = errors.New("missing")
	errTokenExpired = errors.New("expired")
	errTokenInvalid = errors.New("invalid")
)

// caller is who asks, as far as a token or auth.open says.
type caller struct {
	open       bool // auth.open: may subscribe to everything
	subject    string
	issued     time.Time // zero: not said
	expires    time.Time // zero: never
	subscribe  []version.Pattern
	publish    []version.Pattern
	token      fingerprint
	revoked    revocations // in force when the request came
	fromCookie bool
}

func (c *caller) maySubscribe(p version.Project) bool {
	return c.open || covers(c.subscribe, p) && !c.revoked.match(c.token, p)
}

func (c *caller) mayPublish(p version.Project) bool {
	return covers(c.publish, p) && !c.revoked.match(c.token, p)
}

func covers(all []version.Pattern, p version.Project) bool {
	return slices.ContainsFunc(all, func(t version.Pattern) bool { return t.Match(p) })
}

// verifier believes tokens that the application signed.
type verifier struct {
	open    bool
	parser  *jwt.Parser
	keys    jwt.Keyfunc // nil: there are none
	refused func(error) // told why, for the operator; the caller is not
}

// algorithms are those that a secret may sign with. The list is bound to the kind of key: one that also
// held RS256 would take a public key, which everybody has, for a secret.
var algorithms = []string{"HS256", "HS384", "HS512"}

func newVerifier(a Auth, refused func(error)) *verifier {
	v := &verifier{open: a.Open, refused: refused}
	var keys jwt.VerificationKeySet
	for _, secret := range []string{a.Secret, a.Previous} {
		if secret != "" {
			keys.Keys = append(keys.Keys, []byte(secret))
		}
	}
	if len(keys.Keys) > 0 {
		var set any = keys
		v.keys = func(*jwt.Token) (any, error) { return set, nil }
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(),
		jwt.WithAudience(a.Audience), jwt.WithLeeway(a.Leeway),
	}
	if a.Issuer != "" {
		options = append(options, jwt.WithIssuer(a.Issuer))
	}
	v.parser = jwt.NewParser(options...)
	return v
}

// verify makes a caller of a token. Its error is one of the three above.
func (v *verifier) verify(token string) (*caller, error) {
	if v.keys == nil {
		return nil, errTokenInvalid
	}
	var c claims
	var who *caller
	_, err := v.parser.ParseWithClaims(token, &c, v.keys)
	if err == nil {
		who, err = c.caller()
	}
	switch {
	case err == nil:
		return who, nil
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		v.refused(err)
		return nil, errTokenExpired
	}
	v.refused(err)
	return nil, errTokenInvalid
}

// bearer is the token of the Authorization header; "" if there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// caller finds and verifies the token of a request, and whether it was revoked.
func (g *Gateway) caller(r *http.Request) (*caller, error) {
	c := g.current.Load()
	who, err := g.presented(r, c.verifier)
	if err != nil {
		return nil, err
	}
	return c.unrevoked(who)
}

// unrevoked refuses a caller whose token was revoked as a whole.
func (c *current) unrevoked(who *caller) (*caller, error) {
	if c.revoked.match(who.token, version.Project{}) {
		return nil, errTokenInvalid
	}
	who.revoked = c.revoked
	return who, nil
}

// presented finds and verifies a token: header, then cookie, then query if configured. The first that is present
// counts, good or bad.
func (g *Gateway) presented(r *http.Request, v *verifier) (*caller, error) {
	if v.open {
		return &caller{open: true, token: noToken}, nil
	}
	if r.Header.Get("Authorization") != "" {
		if token := bearer(r); token != "" {
			return v.verify(token)
		}
		return nil, errTokenInvalid
	}
	if g.opt.Cookie != "" {
		if cookie, err := r.Cookie(g.opt.Cookie); err == nil && cookie.Value != "" {
			who, err := v.verify(cookie.Value)
			if who != nil {
				who.fromCookie = true
			}
			return who, err
		}
	}
	if g.opt.QueryToken {
		if token := r.URL.Query().Get("token"); token != "" {
			return v.verify(token)
		}
	}
	return nil, errTokenMissing
}
