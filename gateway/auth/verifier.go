package auth

import (
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"time"

	"nudge/gateway/auth/jwks"
	"nudge/version"
)

// Why a token is not accepted. The texts are codes of the protocol. An answer says no more than the code.
var (
	ErrMissing = errors.New("missing")
	ErrExpired = errors.New("expired")
	ErrInvalid = errors.New("invalid")
)

// ErrPending says that the key which a token names is not there yet, and is being read. The caller may ask again soon.
var ErrPending = jwks.ErrPending

// Verifier verifies tokens. Its settings do not change; new ones need a new verifier.
type Verifier struct {
	open    bool
	named   bool          // tokens need a subject
	life    time.Duration // the longest of a token; 0: any
	leeway  time.Duration
	names   Claims
	places  Places
	signers []*signer // those of auth.issuers first
	known   verified
	refused refusals
}

// NewVerifier returns a verifier. sets are the key sets of s.Sources(). It logs why tokens are not accepted, never the tokens.
func NewVerifier(s Settings, places Places, sets []*jwks.Set, log *slog.Logger) *Verifier {
	return &Verifier{
		open: s.Open, named: s.RequireSubject, life: s.TokenLife, leeway: s.Leeway, names: s.Claims.withDefaults(), places: places,
		signers: newSigners(&s, sets), refused: newRefusals(log),
	}
}

// Ready reports whether any token can be verified.
func (v *Verifier) Ready() bool {
	return v.open || slices.ContainsFunc(v.signers, func(s *signer) bool { return s.set == nil || s.set.Keys() != nil })
}

// Open reports whether callers need no token: [Settings].Open.
func (v *Verifier) Open() bool { return v.open }

// Verify returns the caller whose token this is. The error is ErrExpired, ErrInvalid or ErrPending.
func (v *Verifier) Verify(token string, revoked Revocations) (*Caller, error) {
	who, f := v.judge(token, revoked)
	return who, v.refused.report(f)
}

// Forget gives back the memory of tokens that nobody has sent since the call before. Call it every few seconds.
func (v *Verifier) Forget() { v.known.forget() }

// judge returns the caller whose token this is, or why it is not accepted.
func (v *Verifier) judge(token string, revoked Revocations) (*Caller, *fault) {
	who, f := v.verify(token, time.Now())
	if f != nil {
		return nil, f
	}
	one := *who
	one.revoked = revoked
	if revoked.Match(&one, version.Project{}) {
		return nil, &fault{code: ErrInvalid, reason: revokedReason, text: "it was revoked", fix: "the user must log in again"}
	}
	return &one, nil
}

// verify returns whose token this is, whether revoked or not.
func (v *Verifier) verify(token string, now time.Time) (*Caller, *fault) {
	hash := sha256.Sum256([]byte(token))
	if who := v.known.get(hash, now); who != nil {
		return who, nil
	}
	x := examined{text: token, now: now}
	if f := v.examine(&x, nil); f != nil {
		return nil, f
	}
	who := x.caller()
	v.known.put(hash, verdict{who, x.expires.Add(v.leeway), x.by.signer.set, x.by.set})
	return who, nil
}
