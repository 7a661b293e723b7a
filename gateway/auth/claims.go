package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"nudge/version"
)

// claims are what a token says.
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

// readClaims reads the claims by their exact names. Struct tags would not do: they also match SUB, and a name that comes twice
// would count by its last value.
func (v *Verifier) readClaims(x *examined) *fault {
	const fix = "sign a JSON object"
	if !json.Valid(x.payload) {
		return wrong("its claims are not JSON", fix)
	}
	all, err := members(x.payload)
	if err != nil {
		return wrong("its claims: %v", fix, err)
	}
	c := &x.claims
	for _, m := range all {
		value := claim(m)
		switch string(m.name) {
		case "jti":
			c.ID, err = value.text(true, "a string or an integer")
		case "iss":
			c.Issuer, err = value.text(false, "a string")
		case "aud":
			c.Audience, err = value.texts(false, "a string or a list of strings")
		case "exp":
			c.Expires, err = value.number()
		case "nbf":
			c.NotBefore, err = value.number()
		case "iat":
			c.Issued, err = value.number()
		case v.names.Subject:
			c.Subject, err = value.text(true, "a string or an integer")
		case v.names.Subscribe:
			c.Subscribe, err = value.texts(true, wantIDs)
		case v.names.Publish:
			c.Publish, err = value.texts(true, wantIDs)
		case v.names.Revoke:
			c.Revoke, err = value.texts(true, wantIDs)
		}
		var bad *claimError
		if errors.As(err, &bad) {
			return wrong("%s", "write "+bad.want, bad.has)
		}
	}
	return nil
}

const wantIDs = `project ids and prefixes, such as ["42","team-*"]`

// caller returns the caller whose verified claims these are.
func (x *examined) caller() *Caller {
	c := &x.claims
	return &Caller{
		Subject: qualified(x.by.tenant(), c.Subject), Issued: x.issued, Expires: x.expires,
		id: c.ID, subscribe: patterns(c.Subscribe), publish: patterns(c.Publish), revoke: patterns(c.Revoke),
		within: x.by.projects, issuer: x.by.tenant(),
	}
}

// farthest is the Unix second in which the year 10000 begins. Today's time in milliseconds is beyond it: a token that
// gives it by mistake would never expire.
const farthest = 253_402_300_800

// date parses a time; zero: there is none.
func date(n json.Number) (time.Time, error) {
	if n == "" {
		return time.Time{}, nil
	}
	seconds, err := n.Float64()
	if err != nil {
		return time.Time{}, fmt.Errorf("%.30s is no time", n)
	}
	if seconds >= farthest {
		return time.Time{}, fmt.Errorf("a time after the year 9999; times are in seconds, and %.30s looks like milliseconds", n)
	}
	return time.Unix(int64(seconds), 0), nil
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
