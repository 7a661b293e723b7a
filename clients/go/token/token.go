// Package token signs tokens by which the users of an application may watch projects.
package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/version"
)

// Key returns the bytes of a secret as auth.secret of the gateways has it: those of the text, or what follows base64:, decoded. Both
// alphabets will do, with padding and without. An error never shows the secret.
func Key(secret string) ([]byte, error) {
	encoded, is := strings.CutPrefix(secret, "base64:")
	if !is {
		return []byte(secret), nil
	}
	encoded = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(encoded, "="))
	key, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("token: the secret is not base64 after base64:; write what openssl rand -base64 32 prints")
	}
	return key, nil
}

// Signer signs tokens.
type Signer struct {
	Secret   []byte // auth.secret of the gateways, at least 32 bytes; see [Key]
	Issuer   string // auth.issuer of the gateways; "": none
	Audience string // auth.audience of the gateways; "": none
}

// For returns a token by which user may watch projects, ids and patterns such as "team-*", for as long as life. claims are added;
// nil: none. An error names the argument and the fix.
func (s Signer) For(user string, projects []string, life time.Duration, claims map[string]any) (string, error) {
	if len(s.Secret) < 32 {
		return "", fmt.Errorf("token: the secret has %d bytes, and 32 are the least; use auth.secret of the gateway", len(s.Secret))
	}
	if user == "" {
		return "", errors.New("token: the user is empty; give the user's id")
	}
	if life < time.Second {
		return "", fmt.Errorf("token: a life of %v; give a second at least", life)
	}
	for _, pattern := range projects {
		if _, err := version.ParsePattern(pattern); err != nil {
			return "", fmt.Errorf("token: projects: %w", err)
		}
	}
	now := time.Now()
	all := jwt.MapClaims{}
	maps.Copy(all, claims)
	maps.Copy(all, jwt.MapClaims{"sub": user, "subscribe": append([]string{}, projects...), "iat": now.Unix(), "exp": now.Add(life).Unix()})
	if s.Issuer != "" {
		all["iss"] = s.Issuer
	}
	if s.Audience != "" {
		all["aud"] = s.Audience
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString(s.Secret)
}
