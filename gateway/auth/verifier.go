package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"nudge/version"
)

// Why a token is not accepted. The texts are codes of the protocol. An answer says no more than the code.
var (
	ErrMissing = errors.New("missing")
	ErrExpired = errors.New("expired")
	ErrInvalid = errors.New("invalid")
)

var errNoSubject = errors.New("it has no sub, and auth.require_subject is true")

// Verifier verifies tokens that the application signed. It does not change; new settings need a new one.
type Verifier struct {
	open   bool
	named  bool // tokens need a subject
	places Places
	parser *jwt.Parser
	keys   jwt.Keyfunc            // nil: there are none
	header atomic.Pointer[string] // the last one that was good
	log    *slog.Logger
	lines  []*rate.Limiter // of warnings, by reason
}

// algorithms are those that a secret may sign with. The list is bound to the kind of key: one that also
// held RS256 would take a public key, which everybody has, for a secret.
var algorithms = []string{"HS256", "HS384", "HS512"}

// NewVerifier returns a verifier. It logs why tokens are not accepted, never the tokens.
func NewVerifier(s Settings, places Places, log *slog.Logger) *Verifier {
	v := &Verifier{open: s.Open, named: s.RequireSubject, places: places, log: log}
	for range reasons {
		v.lines = append(v.lines, rate.NewLimiter(rate.Every(time.Minute), 1))
	}
	var keys jwt.VerificationKeySet
	for _, secret := range []string{s.Secret, s.Previous} {
		if secret != "" {
			keys.Keys = append(keys.Keys, []byte(secret))
		}
	}
	if len(keys.Keys) > 0 {
		var set any = keys
		v.keys = func(*jwt.Token) (any, error) { return set, nil }
	}
	if s.Audience == "" {
		s.Audience = "nudge"
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(),
		jwt.WithAudience(s.Audience), jwt.WithLeeway(s.Leeway), jwt.WithStrictDecoding(),
	}
	if s.Issuer != "" {
		options = append(options, jwt.WithIssuer(s.Issuer))
	}
	v.parser = jwt.NewParser(options...)
	return v
}

// Open reports whether callers need no token: [Settings].Open.
func (v *Verifier) Open() bool { return v.open }

// Caller returns the caller who sent r, by its token: from the header, else the cookie, else the query. The first that is
// present counts, valid or not. Of several cookies the first valid one counts: another host of the site can add cookies of
// the same name, but no valid token. The error is ErrMissing, ErrExpired or ErrInvalid.
func (v *Verifier) Caller(r *http.Request, revoked Revocations) (*Caller, error) {
	if v.open {
		return &Caller{Open: true}, nil
	}
	if r.Header.Get("Authorization") != "" {
		return v.Verify(Bearer(r), revoked)
	}
	if v.places.Cookie != "" {
		if tokens := cookieTokens(r, v.places.Cookie); len(tokens) > 0 {
			return v.firstGood(tokens, revoked)
		}
	}
	if v.places.Query {
		if token := r.URL.Query().Get("token"); token != "" {
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

// Verify returns the caller whose token this is. The error is ErrExpired or ErrInvalid.
func (v *Verifier) Verify(token string, revoked Revocations) (*Caller, error) {
	if v.keys == nil || token == "" {
		return nil, ErrInvalid
	}
	var c claims
	var who *Caller
	err := v.checkForm(token)
	if err == nil {
		_, err = v.parser.ParseWithClaims(token, &c, v.keys)
	}
	if err == nil {
		who, err = c.caller()
	}
	if err == nil && v.named && who.Subject == "" {
		err = errNoSubject
	}
	switch {
	case err == nil && revoked.Match(who, version.Project{}):
		return nil, ErrInvalid
	case err == nil:
		who.revoked = revoked
		return who, nil
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		v.report(err)
		return nil, ErrExpired
	}
	v.report(err)
	return nil, ErrInvalid
}

// reasons are the reasons for which a token is not accepted. The last is for all others.
var reasons = []error{
	jwt.ErrTokenExpired, errClaim, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenUnverifiable, jwt.ErrTokenInvalidAudience,
	jwt.ErrTokenInvalidIssuer, jwt.ErrTokenNotValidYet, jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenMalformed, errNoSubject, nil,
}

// report logs why a token is not accepted. It is a warning, since the application may sign all its tokens wrongly. Each reason
// has a warning a minute, so that none hides another. The rest is for debugging, and so is a token that has expired.
func (v *Verifier) report(err error) {
	level := slog.LevelDebug
	i := slices.IndexFunc(reasons, func(r error) bool { return r == nil || errors.Is(err, r) })
	if i > 0 && v.lines[i].Allow() { // every token expires one day
		level = slog.LevelWarn
	}
	v.log.Log(context.Background(), level, "a token is not accepted; see what the application signs it with, and its claims", "error", err)
}

// Bearer returns the token of the Authorization header; "" if there is none.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
