package auth

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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

var errLife = errors.New("it is valid for longer than auth.token_life; sign tokens with a nearer exp, or raise that key")

var errNoSubject = errors.New("it has no sub, and auth.require_subject is true")

// Verifier verifies tokens that the application signed. It does not change; new settings need a new one.
type Verifier struct {
	open   bool
	named  bool // tokens need a subject
	life   time.Duration
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
	v := &Verifier{open: s.Open, named: s.RequireSubject, life: s.TokenLife, places: places, log: log}
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

// Verify returns the caller whose token this is. The error is ErrExpired or ErrInvalid.
func (v *Verifier) Verify(token string, revoked Revocations) (*Caller, error) {
	who, err := v.verify(token, revoked)
	return who, v.code(err)
}

// verify returns the caller whose token this is, or why it is not accepted.
func (v *Verifier) verify(token string, revoked Revocations) (*Caller, error) {
	if v.keys == nil || token == "" {
		return nil, ErrInvalid
	}
	if err := v.checkForm(token); err != nil {
		return nil, err
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.keys); err != nil {
		return nil, err
	}
	who, err := c.caller()
	switch {
	case err != nil:
		return nil, err
	case v.named && who.Subject == "":
		return nil, errNoSubject
	case v.life > 0 && who.life(time.Now()) > v.life:
		return nil, errLife
	case revoked.Match(who, version.Project{}):
		return nil, ErrInvalid
	}
	who.revoked = revoked
	return who, nil
}

// code returns the code for an error of verify, and logs what the answer does not say.
func (v *Verifier) code(err error) error {
	switch {
	case err == nil || err == ErrInvalid:
		return err
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		v.report(err)
		return ErrExpired
	}
	v.report(err)
	return ErrInvalid
}

// reasons are the reasons for which a token is not accepted. The last is for all others.
var reasons = []error{
	jwt.ErrTokenExpired, errClaim, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenUnverifiable, jwt.ErrTokenInvalidAudience,
	jwt.ErrTokenInvalidIssuer, jwt.ErrTokenNotValidYet, jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenMalformed, errNoSubject, errLife, nil,
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
