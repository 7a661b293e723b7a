package doctor

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// leeway is the gateway's default for auth.leeway.
const leeway = 30 * time.Second

// claims are what the doctor reads of a token, without verifying it.
type claims struct {
	Exp, Iat, Nbf float64
	subscribe     any
}

// readClaims reads a token. list is the claim with its projects.
func readClaims(token, list string) (c claims, good bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var all map[string]any
	if err != nil || json.Unmarshal(text, &c) != nil || json.Unmarshal(text, &all) != nil {
		return c, false
	}
	c.subscribe = all[list]
	return c, true
}

// covered is a project that the token covers; "": none can be named.
func (c claims) covered() string {
	texts, ok := c.subscribe.([]any)
	if !ok {
		texts = []any{c.subscribe}
	}
	for _, text := range texts {
		name, isText := text.(string)
		if number, isNumber := text.(float64); isNumber {
			name, isText = fmt.Sprintf("%.0f", number), true
		}
		if prefix, star := strings.CutSuffix(name, "*"); isText && star {
			return prefix + TestProject
		} else if isText && name != "" {
			return name
		}
	}
	return ""
}

// covers tells whether the token covers the project. An open gateway takes no token.
func (c claims) covers(project string) bool {
	texts, ok := c.subscribe.([]any)
	if !ok {
		texts = []any{c.subscribe}
	}
	for _, text := range texts {
		name, _ := text.(string)
		if prefix, star := strings.CutSuffix(name, "*"); name == project || star && strings.HasPrefix(project, prefix) {
			return true
		}
	}
	return false
}

// wrongTime compares a token with the gateway's clock; "": the clock has nothing against it.
func (c claims) wrongTime(now time.Time) string {
	at := func(s float64) time.Time { return time.Unix(int64(s), 0) }
	switch {
	case c.Exp > 0 && now.After(at(c.Exp).Add(leeway)):
		return "the token expired " + now.Sub(at(c.Exp)).Round(time.Second).String() + " ago"
	case c.Iat > 0 && at(c.Iat).After(now.Add(leeway)):
		return "the token was signed " + at(c.Iat).Sub(now).Round(time.Second).String() + " in the future"
	case c.Nbf > 0 && at(c.Nbf).After(now.Add(leeway)):
		return "the token is good only in " + at(c.Nbf).Sub(now).Round(time.Second).String()
	}
	return ""
}
