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
	Audience  []string
	Expires   json.Number
	NotBefore json.Number
	Issued    json.Number
	Subscribe []string
	Publish   []string
	Revoke    []string
}

// UnmarshalJSON reads claims by their exact names. Struct tags would not do: they also match SUB, and a name that comes twice
// would count by its last value.
func (c *claims) UnmarshalJSON(text []byte) error {
	all, err := members(text)
	if err != nil {
		return fmt.Errorf("the claims: %w", err)
	}
	for _, m := range all {
		value := claim(m)
		switch string(m.name) {
		case "jti":
			c.ID, err = value.text(true, "a string or an integer")
		case "iss":
			c.Issuer, err = value.text(false, "a string")
		case "sub":
			c.Subject, err = value.text(true, "a string or an integer")
		case "aud":
			c.Audience, err = value.texts(false, "a string or a list of strings")
		case "exp":
			c.Expires, err = value.number()
		case "nbf":
			c.NotBefore, err = value.number()
		case "iat":
			c.Issued, err = value.number()
		case "subscribe":
			c.Subscribe, err = value.texts(true, wantIDs)
		case "publish":
			c.Publish, err = value.texts(true, wantIDs)
		case "revoke":
			c.Revoke, err = value.texts(true, wantIDs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const wantIDs = `project ids and prefixes, such as ["42","team-*"]`

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.Issued) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.Audience, nil }

// caller returns the caller whose verified claims these are.
func (c *claims) caller() (*Caller, error) {
	expires, badExpires := date(c.Expires)
	issued, badIssued := date(c.Issued)
	if err := errors.Join(badExpires, badIssued); err != nil {
		return nil, err
	}
	who := &Caller{
		Subject: c.Subject, Expires: expires.Time, id: c.ID,
		subscribe: patterns(c.Subscribe), publish: patterns(c.Publish), revoke: patterns(c.Revoke),
	}
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
