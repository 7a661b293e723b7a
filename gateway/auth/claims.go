package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/version"
)

// claims is the payload of a token, in the form that the parser checks ([jwt.Claims]). The fields have plain JSON types:
// jwt's own types for lists and times each run another JSON decoder, which would be most of the cost of a token.
type claims struct {
	ID        string
	Issuer    string
	Subject   string
	Audience  any // a string or a list of strings, as the two below
	Expires   json.Number
	NotBefore json.Number
	Issued    json.Number
	Subscribe any
	Publish   any
}

// UnmarshalJSON reads claims by their exact names. Struct tags would not do: they also match SUB, and a name that comes twice
// would count by its last value.
func (c *claims) UnmarshalJSON(text []byte) error {
	all, err := members(text)
	if err != nil {
		return fmt.Errorf("the claims: %w", err)
	}
	for _, m := range all {
		switch string(m.name) {
		case "jti":
			err = readText(m.value, &c.ID)
		case "iss":
			err = readText(m.value, &c.Issuer)
		case "sub":
			err = readText(m.value, &c.Subject)
		case "aud":
			c.Audience, err = readAny(m.value)
		case "exp":
			err = readNumber(m.value, &c.Expires)
		case "nbf":
			err = readNumber(m.value, &c.NotBefore)
		case "iat":
			err = readNumber(m.value, &c.Issued)
		case "subscribe":
			c.Subscribe, err = readAny(m.value)
		case "publish":
			c.Publish, err = readAny(m.value)
		}
		if err != nil {
			return fmt.Errorf("the claim %s: %v", m.name, err)
		}
	}
	return nil
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.Issued) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return texts(c.Audience) }

// caller returns the caller whose verified claims these are.
func (c *claims) caller() (*Caller, error) {
	expires, badExpires := date(c.Expires)
	issued, badIssued := date(c.Issued)
	subscribe, badSubscribe := texts(c.Subscribe)
	publish, badPublish := texts(c.Publish)
	if err := errors.Join(badExpires, badIssued, badSubscribe, badPublish); err != nil {
		return nil, err
	}
	who := &Caller{Subject: c.Subject, Expires: expires.Time, id: c.ID, subscribe: patterns(subscribe), publish: patterns(publish)}
	if issued != nil {
		who.Issued = issued.Time
	}
	return who, nil
}

// farthest is the Unix second in which the year 10000 begins. Today's time in milliseconds is beyond it: a token that
// gives it by mistake would never expire.
const farthest = 253_402_300_800

// date parses a time; nil: there is none.
func date(n json.Number) (*jwt.NumericDate, error) {
	if n == "" {
		return nil, nil
	}
	seconds, err := n.Float64()
	if err != nil {
		return nil, err
	}
	if seconds >= farthest {
		return nil, fmt.Errorf("a time after the year 9999; times are in seconds, and %s looks like milliseconds", n)
	}
	return &jwt.NumericDate{Time: time.Unix(int64(seconds), 0)}, nil
}

var errNoTexts = errors.New("a claim is neither a string nor a list of strings")

// texts parses a claim that is a string, or a list of strings; nil: there is none.
func texts(claim any) ([]string, error) {
	switch claim := claim.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{claim}, nil
	case []any:
		all := make([]string, len(claim))
		for i, one := range claim {
			text, ok := one.(string)
			if !ok {
				return nil, errNoTexts
			}
			all[i] = text
		}
		return all, nil
	}
	return nil, errNoTexts
}

// patterns parses patterns. It leaves out invalid ones, which would match nothing.
func patterns(texts []string) []version.Pattern {
	var all []version.Pattern
	for _, text := range texts {
		if p, err := version.ParsePattern(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}
