package auth

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway/auth/jwks"
	"nudge/version"
)

// signer is one who signs tokens: the keys that these are verified with, what they must say, and what they may reach. It has
// secrets or a set, never both.
type signer struct {
	listed   bool              // in auth.issuers
	issuer   string            // "": any that no other signer has
	audience string            // that is required
	projects []version.Pattern // nil: all
	secrets  []any
	set      *jwks.Set
}

// hmacs are the algorithms that a secret may sign with. The list is bound to the kind of key: one that also held RS256
// would take a public key, which everybody has, for a secret.
var hmacs = []string{"HS256", "HS384", "HS512"}

func (s *signer) algorithms() []string {
	if s.set != nil {
		return jwks.Algorithms
	}
	return hmacs
}

// name returns the key of the configuration that holds the keys.
func (s *signer) name() string {
	key := "auth.secret"
	if s.set != nil {
		key = "auth.jwks"
	}
	if s.listed {
		return fmt.Sprintf("the %s of %q in auth.issuers", strings.TrimPrefix(key, "auth."), s.issuer)
	}
	return key
}

// tenant returns the issuer, if it is one of auth.issuers.
func (s *signer) tenant() string {
	if s.listed {
		return s.issuer
	}
	return ""
}

// qualified returns the name by which the gateway knows a user of a tenant. Two tenants may have a user 7 each: limits, votes and
// revocations of one must not concern the other. An issuer has no space.
func qualified(tenant, sub string) string {
	if tenant == "" || sub == "" {
		return sub
	}
	return tenant + " " + sub
}

// newSigners returns all signers of the settings: first those of auth.issuers. sets are those of s.Sources().
func newSigners(s *Settings, sets []*jwks.Set) (all []*signer) {
	next := func(source string) (set *jwks.Set) {
		if source != "" {
			set, sets = sets[0], sets[1:]
		}
		return set
	}
	own := &signer{issuer: s.Issuer, audience: cmp.Or(s.Audience, "nudge"), set: next(s.JWKS)}
	for _, secret := range []string{s.Secret, s.Previous} {
		if secret != "" && own.set == nil {
			own.secrets = append(own.secrets, []byte(secret))
		}
	}
	for _, i := range s.Issuers {
		one := &signer{listed: true, issuer: i.Name, audience: cmp.Or(i.Audience, own.audience), projects: i.Projects, set: next(i.JWKS)}
		if one.set == nil {
			one.secrets = []any{[]byte(i.Secret)}
		}
		all = append(all, one)
	}
	if own.set != nil || len(own.secrets) > 0 {
		all = append(all, own)
	}
	return all
}

// findSigners finds who may have signed the token, by its iss. A token of one of auth.issuers is verified with its keys alone.
func (v *Verifier) findSigners(x *examined) *fault {
	iss := x.claims.Issuer
	if len(v.signers) == 0 {
		return wrong("the gateway has no keys", "set auth.secret, auth.jwks or auth.issuers")
	}
	for _, s := range v.signers {
		if s.issuer == iss && iss != "" {
			x.signers = append(x.signers, s)
		}
	}
	if last := v.signers[len(v.signers)-1]; len(x.signers) == 0 && last.issuer == "" {
		x.signers = append(x.signers, last)
	}
	if len(x.signers) > 0 {
		return nil
	}
	key, known := "auth.issuer", []string{}
	for _, s := range v.signers {
		known = append(known, fmt.Sprintf("%q", s.issuer))
		if s.listed {
			key = "auth.issuers"
		}
		if iss != "" && strings.TrimRight(s.issuer, "/") == strings.TrimRight(iss, "/") {
			return wrong("its iss is %.200q, and %s has %q: they differ by the slash at the end", "write it as in the token", iss, key, s.issuer)
		}
	}
	has := "it has no iss"
	if iss != "" {
		has = fmt.Sprintf("its iss is %.200q", iss)
	}
	if len(known) > 3 {
		known = append(known[:3], "…")
	}
	return wrong("%s, and %s has %s", "let the application write that as iss, or add the issuer of the token", has, key, strings.Join(known, ", "))
}

// checkAlgorithm leaves those signers whose keys go with the token's algorithm.
func (v *Verifier) checkAlgorithm(x *examined) *fault {
	if len(x.signers) == 0 {
		return nil
	}
	fit := slices.DeleteFunc(slices.Clone(x.signers), func(s *signer) bool { return !slices.Contains(s.algorithms(), x.header.Algorithm) })
	if len(fit) > 0 {
		x.signers = fit
		return nil
	}
	s := x.signers[0]
	fix := "sign with one of them"
	switch {
	case s.set == nil && slices.Contains(jwks.Algorithms, x.header.Algorithm):
		fix = "sign with the secret and HS256, or write the signer's public keys as auth.jwks instead of the secret"
	case s.set != nil && slices.Contains(hmacs, x.header.Algorithm):
		fix = "sign with a private key of the set, or write auth.secret instead of auth.jwks"
	}
	x.unfit = true
	return wrong("it is signed with %.20q, and %s goes with %s", fix, x.header.Algorithm, s.name(), strings.Join(s.algorithms(), ", "))
}

// findKeys finds the keys that the token may be signed with.
func (v *Verifier) findKeys(x *examined) (f *fault) {
	if x.unfit {
		return nil
	}
	for _, s := range x.signers {
		c := candidate{signer: s, keys: s.secrets}
		if s.set != nil {
			c.set = s.set.Keys()
			public, err := s.set.Find(c.set, x.header.Key, x.header.Algorithm, !x.alone)
			switch {
			case errors.Is(err, jwks.ErrPending):
				f = wrong("%s does not have its key yet, and is being read", "try again in some seconds", s.name())
				f.code = ErrPending
			case err != nil && f == nil:
				f = wrong("%v in %s", "sign with a key of the set; see that auth.jwks is that of the signer", err, s.name())
			}
			for _, k := range public {
				c.keys = append(c.keys, k)
			}
		}
		if len(c.keys) > 0 {
			x.candidates = append(x.candidates, c)
		}
	}
	if len(x.candidates) > 0 {
		return nil
	}
	return f
}

// candidate is a signer with keys of it.
type candidate struct {
	*signer
	keys []any
	set  *jwks.Keys // where they are from; nil: the settings
}

// checkSignature finds the key that the token is signed with.
func (v *Verifier) checkSignature(x *examined) *fault {
	if len(x.candidates) == 0 {
		return nil
	}
	method := jwt.GetSigningMethod(x.header.Algorithm)
	for i, c := range x.candidates {
		for nth, key := range c.keys {
			if method.Verify(x.signed, x.signature, key) == nil {
				x.by, x.nth = &x.candidates[i], nth
				return nil
			}
		}
	}
	f := wrong("its signature is not by %s", "", x.candidates[0].name())
	f.detail = func() string { return whatToTry(method, x) }
	return f
}
