package auth

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
)

// examined is a token while it is examined. Each check may use what those before it found.
type examined struct {
	text       string
	now        time.Time
	alone      bool   // nobody reads the key sets again while it is examined
	signed     string // what the signature is about
	signature  []byte
	payload    []byte
	header     header
	claims     claims
	signers    []*signer // who may have signed it
	unfit      bool      // none of them with this algorithm
	candidates []candidate
	by         *candidate // who has; nil: nobody whom the gateway knows
	nth        int        // of its keys
	expires    time.Time
	issued     time.Time
}

// fault is why a token is not accepted. The text never has a part of the token that could help to use it: claims and names, no
// signature.
type fault struct {
	code   error // of the answer
	reason string
	text   string
	fix    string
	detail func() string // the fix, if it takes work to find
}

// wrong returns a fault, with the arguments of its text.
func wrong(text, fix string, args ...any) *fault {
	return &fault{code: ErrInvalid, text: fmt.Sprintf(text, args...), fix: fix}
}

func (f *fault) Fix() string {
	if f.detail != nil {
		f.fix, f.detail = f.detail(), nil
	}
	return f.fix
}

// checks are all that a token must pass, in this order.
var checks = []struct {
	name string
	run  func(*Verifier, *examined) *fault
	// final: if it fails, there is nothing that the other checks could look at
	final bool
}{
	{"form", (*Verifier).checkForm, true},
	{"header", (*Verifier).checkHeader, true},
	{"claims", (*Verifier).readClaims, true},
	{"issuer", (*Verifier).findSigners, false},
	{"algorithm", (*Verifier).checkAlgorithm, false},
	{"key", (*Verifier).findKeys, false},
	{"signature", (*Verifier).checkSignature, false},
	{"exp", (*Verifier).checkExpiry, false},
	{"life", (*Verifier).checkLife, false},
	{"nbf", (*Verifier).checkStart, false},
	{"aud", (*Verifier).checkAudience, false},
	{"sub", (*Verifier).checkSubject, false},
}

// examine checks a token, and returns the first fault; nil: it is good. Only then by, and what the claims say, can be trusted.
// visit, if not nil, gets the result of each check, and all of them are made.
func (v *Verifier) examine(x *examined, visit func(check string, f *fault)) (first *fault) {
	for _, c := range checks {
		f := c.run(v, x)
		if f != nil {
			f.reason = c.name
			if f.code == ErrPending {
				f.reason = pendingReason // it hides no token whose key is unknown
			}
		}
		if first == nil {
			first = f
		}
		if visit != nil {
			visit(c.name, f)
		}
		if f != nil && (visit == nil || c.final) {
			return first
		}
	}
	return first
}

// checkForm checks that the token is three parts in base64url. Go's decoder skips line breaks, and the lax one takes spare bits: two
// programs must not read one token in two ways.
func (v *Verifier) checkForm(x *examined) *fault {
	const fix = "send the token as the application signed it"
	if strings.ContainsAny(x.text, "\r\n") {
		return wrong("it has line breaks", fix)
	}
	parts := strings.SplitN(x.text, ".", 5)
	switch {
	case x.text == "":
		return wrong("it is empty", fix)
	case strings.ContainsAny(x.text, " \t"):
		return wrong("it has white space", "send the token alone: Bearer and one space stand before it in Authorization, and nowhere else")
	case strings.ContainsAny(x.text, "\"'{<"):
		return wrong("it has quotes, braces or tags around it", "send the token alone: parse the JSON that it comes in; a page for logging in is no token")
	case len(parts) == 1:
		return wrong("it has no dots, and a token (JWT) has three parts between dots", fix)
	case len(parts) == 5:
		return wrong("it has five parts or more, so it is encrypted, or no token", "sign tokens, but do not encrypt them (JWS, not JWE)")
	case len(parts) != 3:
		return wrong("it has %d parts between dots, and a token (JWT) has three", fix, len(parts))
	}
	for i, decoded := range []*[]byte{&x.header.text, &x.payload, &x.signature} {
		var err error
		if *decoded, err = base64.RawURLEncoding.Strict().DecodeString(parts[i]); err != nil {
			return wrong("its part %d is not base64url without padding", fix, i+1)
		}
	}
	x.signed = x.text[:len(parts[0])+1+len(parts[1])]
	return nil
}

func (v *Verifier) checkExpiry(x *examined) *fault {
	if x.claims.Expires == "" {
		return wrong("it has no exp", "write when it expires, in seconds since 1970")
	}
	at, err := date(x.claims.Expires)
	if err != nil {
		return wrong("exp: %v", "write seconds since 1970", err)
	}
	issued, err := date(x.claims.Issued)
	if err != nil {
		return wrong("iat: %v", "write seconds since 1970", err)
	}
	x.expires, x.issued = at, issued
	if x.now.Before(at.Add(v.leeway)) {
		return nil
	}
	f := wrong("it expired %v ago, at %s", "fetch a new one from the application; if it is new, compare the clocks",
		x.now.Sub(at).Round(time.Second), at.UTC().Format(time.RFC3339))
	if !issued.IsZero() && !at.After(issued) {
		f.fix = "its exp is not after its iat: see how the application computes exp"
	}
	f.code = ErrExpired
	return f
}

// checkLife refuses a token that is valid for too long. Its life begins with iat, or now if it does not say when it was signed.
func (v *Verifier) checkLife(x *examined) *fault {
	begins := x.issued
	if begins.IsZero() {
		begins = x.now
	}
	if life := x.expires.Sub(begins); v.life > 0 && life > v.life {
		return wrong("it is valid for %v, and auth.token_life is %v", "sign tokens with a nearer exp, or raise that key", life.Round(time.Second), v.life)
	}
	return nil
}

func (v *Verifier) checkStart(x *examined) *fault {
	at, err := date(x.claims.NotBefore)
	switch {
	case err != nil:
		return wrong("nbf: %v", "write seconds since 1970", err)
	case at.IsZero() || !x.now.Before(at.Add(-v.leeway)):
		return nil
	}
	return wrong("it is valid only in %v, at %s (nbf)", "compare the clocks of the application and the gateway, or leave nbf out",
		at.Sub(x.now).Round(time.Second), at.UTC().Format(time.RFC3339))
}

func (v *Verifier) checkAudience(x *examined) *fault {
	var want string
	switch {
	case x.by != nil:
		want = x.by.audience
	case len(x.signers) > 0:
		want = x.signers[0].audience
	default:
		return nil
	}
	has := x.claims.Audience
	switch {
	case slices.Contains(has, want):
		return nil
	case len(has) == 0:
		return wrong("it has no aud", fmt.Sprintf("write aud: %q", want))
	}
	shown := fmt.Sprintf("%.100q", has[0])
	if len(has) > 1 {
		shown = fmt.Sprintf("a list of %d, such as %s", len(has), shown)
	}
	return wrong("its aud is %s, and the gateway wants %q", fmt.Sprintf("write aud: %q, or change auth.audience", want), shown, want)
}

func (v *Verifier) checkSubject(x *examined) *fault {
	if x.claims.Subject == "" && v.named {
		return wrong("it has no %s, and auth.require_subject is true", fmt.Sprintf("write the user's id as %s", v.names.Subject), v.names.Subject)
	}
	return nil
}
