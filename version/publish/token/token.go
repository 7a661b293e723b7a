// Package token signs tokens by which the users of an application may watch projects.
package token

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/version"
)

// Signer signs tokens. Secret is auth.secret of the gateways, at least 32 bytes, without "base64:" and decoded if it has that.
type Signer struct {
	Secret   []byte
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
