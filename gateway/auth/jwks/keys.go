// Package jwks holds the public keys of those who sign tokens: it reads key sets (RFC 7517) from files and from key servers,
// again and again, and keeps the last good ones. No request ever waits for it.
//
//	Keeper.Run ─► for each source: fetch or read ─► Parse ─► Set ◄─ Find: a token's key
package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// Algorithms are those that public keys may be used with. None of them is an HMAC: that would take a public key, which
// everybody has, for a secret.
var Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

const (
	// largest is the size of the largest key set in bytes; mostKeys is how many keys one may have. Key sets of identity
	// providers have a few keys, in some kilobytes.
	largest  = 1 << 20
	mostKeys = 1000
	// mostTries bounds how many keys are tried for one token: each try costs as much as a verification.
	mostTries = 8
	// RSA keys below leastRSA bits can be broken. A verification with a key above mostRSA takes milliseconds.
	leastRSA, mostRSA = 2048, 8192
)

// Keys are the keys of one set. They do not change.
type Keys struct {
	byID    map[string][]key
	all     []key
	skipped []string // why others are not used
	digest  [sha256.Size]byte
}

// key is a public key, and the algorithms that it may be used with.
type key struct {
	algorithms []string
	public     crypto.PublicKey
}

// Parse reads a key set. Keys that cannot be used are skipped, but one at least must be left.
func Parse(text []byte) (*Keys, error) {
	if len(text) > largest {
		return nil, fmt.Errorf("it is larger than %d bytes, so it is hardly a key set", largest)
	}
	var set struct {
		Keys      []json.RawMessage `json:"keys"`
		Discovery string            `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf(`it is no key set, which is JSON such as {"keys":[…]}: %w`, err)
	}
	switch {
	case set.Keys == nil && set.Discovery != "":
		return nil, fmt.Errorf("it is no key set, but says where that is: write its jwks_uri, %.200q", set.Discovery)
	case len(set.Keys) == 0:
		return nil, errors.New(`it has no keys; a key set is JSON such as {"keys":[…]}`)
	case len(set.Keys) > mostKeys:
		return nil, fmt.Errorf("it has %d keys, and may have %d", len(set.Keys), mostKeys)
	}
	keys := &Keys{byID: map[string][]key{}, digest: sha256.Sum256(text)}
	for i, text := range set.Keys {
		id, k, err := parseKey(text)
		if err != nil {
			keys.skipped = append(keys.skipped, fmt.Sprintf("key %d (kid %.40q): %v", i+1, id, err))
			continue
		}
		keys.all = append(keys.all, k)
		if id != "" {
			keys.byID[id] = append(keys.byID[id], k)
		}
	}
	if len(keys.all) == 0 {
		return nil, fmt.Errorf("it has no key that can be used; %s", keys.skipped[0])
	}
	return keys, nil
}

// jwk is a key as the set has it. Certificates (x5c, x5u) have no meaning here: whoever serves the set vouches for its keys.
type jwk struct {
	ID         string   `json:"kid"`
	Type       string   `json:"kty"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
	N          string   `json:"n"`
	E          string   `json:"e"`
	D          string   `json:"d"` // private
	K          string   `json:"k"` // secret
}

func parseKey(text json.RawMessage) (id string, k key, err error) {
	var j jwk
	if err := json.Unmarshal(text, &j); err != nil {
		return "", k, fmt.Errorf("it cannot be read: %w", err)
	}
	switch {
	case j.Use != "" && j.Use != "sig":
		return j.ID, k, fmt.Errorf("its use is %.20q, not sig", j.Use)
	case len(j.Operations) > 0 && !slices.Contains(j.Operations, "verify"):
		return j.ID, k, errors.New("its key_ops do not have verify")
	case j.Type == "oct" || j.K != "":
		return j.ID, k, errors.New("it is a secret, which has no place in a key set: whoever reads it can sign tokens; use auth.secret")
	case j.D != "":
		return j.ID, k, errors.New("it is a private key: whoever reads it can sign tokens; publish only the public part, and make a new key")
	}
	switch {
	case j.Type == "RSA":
		k.public, err = parseRSA(j)
		k.algorithms = []string{"RS256", "PS256"}
	case j.Type == "EC" && j.Curve == "P-256":
		k.public, err = parseP256(j)
		k.algorithms = []string{"ES256"}
	case j.Type == "OKP" && j.Curve == "Ed25519":
		var x []byte
		if x, err = decode("x", j.X); err == nil && len(x) != ed25519.PublicKeySize {
			err = fmt.Errorf("x has %d bytes, not %d", len(x), ed25519.PublicKeySize)
		}
		k.public, k.algorithms = ed25519.PublicKey(x), []string{"EdDSA"}
	default:
		err = fmt.Errorf("kty %.20q with crv %.20q is not supported; use RSA, EC with P-256, or OKP with Ed25519", j.Type, j.Curve)
	}
	if err != nil {
		return j.ID, k, err
	}
	if j.Algorithm != "" { // the key is bound to one of them
		if !slices.Contains(k.algorithms, j.Algorithm) && !(j.Algorithm == "Ed25519" && j.Type == "OKP") {
			return j.ID, k, fmt.Errorf("its alg is %.20q, and such a key can be used with %s here", j.Algorithm, strings.Join(k.algorithms, " or "))
		}
		k.algorithms = slices.DeleteFunc(k.algorithms, func(a string) bool { return len(k.algorithms) > 1 && a != j.Algorithm })
	}
	return j.ID, k, nil
}

func parseRSA(j jwk) (crypto.PublicKey, error) {
	n, err := decode("n", j.N)
	if err != nil {
		return nil, err
	}
	e, err := decode("e", j.E)
	if err != nil {
		return nil, err
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < leastRSA || bits > mostRSA {
		return nil, fmt.Errorf("it has %d bits, and needs %d to %d", bits, leastRSA, mostRSA)
	}
	if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > math.MaxInt32 || exponent.Bit(0) == 0 {
		return nil, errors.New("e is no exponent of an RSA key")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func parseP256(j jwk) (crypto.PublicKey, error) {
	point := []byte{4} // not compressed
	for _, c := range []struct{ name, text string }{{"x", j.X}, {"y", j.Y}} {
		b, err := decode(c.name, c.text)
		if err != nil {
			return nil, err
		}
		if len(b) > 32 {
			return nil, fmt.Errorf("%s has %d bytes, not 32", c.name, len(b))
		}
		point = append(append(point, make([]byte, 32-len(b))...), b...)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point) // checks that the point is on the curve
}

// decode decodes base64url. Some providers pad it.
func decode(name, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s is missing, or not base64url", name)
	}
	return b, nil
}

// find returns the keys that a token with this kid ("": none) and algorithm may be signed with. The error says that there are
// none; missing: another set may have one.
func (s *Keys) find(id, algorithm string) (public []crypto.PublicKey, missing bool, err error) {
	all := s.byID[id]
	if id == "" {
		all = s.all
	} else if len(all) == 0 {
		return nil, true, fmt.Errorf("no key has its kid %.40q", id)
	}
	for _, k := range all {
		if slices.Contains(k.algorithms, algorithm) {
			public = append(public, k.public)
		}
	}
	switch {
	case len(public) == 0 && id != "":
		return nil, false, fmt.Errorf("the key with its kid %.40q is for %s, not for %.10q", id, strings.Join(all[0].algorithms, " or "), algorithm)
	case len(public) == 0:
		return nil, true, fmt.Errorf("no key is for %.10q", algorithm)
	case len(public) > mostTries:
		return nil, false, fmt.Errorf("%d keys may be its key; name one by kid", len(public))
	}
	return public, false, nil
}
