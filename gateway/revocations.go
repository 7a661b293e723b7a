package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"nudge/gateway/limits"
	"nudge/version"
	"nudge/version/control"
)

// revoke serves POST /revocations: the application makes tokens invalid before they expire.
func (g *Gateway) revoke(w http.ResponseWriter, r *http.Request) *problem {
	who, p := g.poster(r)
	if p != nil {
		return p
	}
	switch {
	case who.Open:
		return newProblem(http.StatusForbidden, codeForbidden, "with auth.open there are no tokens to revoke; configure auth.secret")
	case !who.Revokes():
		return newProblem(http.StatusForbidden, codeForbidden, "the token may revoke nothing; it needs the claim revoke")
	}
	rule, p := posted(g, w, r, limits.Revocations, who, parseRevocation)
	if p != nil {
		return p
	}
	rule, err := rule.WithDefaults(time.Now(), g.current.Load().Auth.Longest())
	if err != nil {
		return malformed(err)
	}
	var all bool
	if rule.Subject, all = who.Own(rule.Subject); !all && rule.Subject == "" {
		return newProblem(http.StatusForbidden, codeForbidden, "the token is of one of auth.issuers, which may revoke only its own users; name one by sub")
	}
	if !who.MayRevoke(rule.Project) {
		detail := `the token may not revoke whole tokens, only projects of a subject; its claim revoke needs "*" for that`
		if rule.Project != (version.Project{}) {
			detail = fmt.Sprintf("the token may not revoke project %s; its claim revoke says which it may", rule.Project)
		}
		return newProblem(http.StatusForbidden, codeForbidden, detail)
	}
	switch err := g.putInForce(r.Context(), rule); {
	case errors.Is(err, control.ErrFull):
		return limited(&limits.Refusal{Name: limits.RevocationsFull, Reason: err.Error(), RetryAfter: time.Minute})
	case err != nil:
		g.log.Warn("a revocation could not be stored", "error", err,
			"fix", "send it again when Redis works; until then only this gateway obeys it")
		return unavailable("Redis did not take it; send the same again", 2*time.Second)
	}
	writeNothing(w)
	return nil
}

// putInForce revokes tokens at all gateways, or at this one alone until it ends, if no others can be told. When it returns they
// are revoked here.
func (g *Gateway) putInForce(ctx context.Context, rule control.Revocation) error {
	if g.fleet != nil {
		e, err := g.fleet.Revoke(ctx, rule)
		if err != nil {
			return err
		}
		rule = e.Revocation
	}
	g.change.Lock()
	defer g.change.Unlock()
	if g.fleet == nil && g.revocations() >= control.MaxRevocations {
		return control.ErrFull
	}
	g.revokeLocked([]control.Revocation{rule}, nil)
	return nil
}

// revocations returns how many are in force.
func (g *Gateway) revocations() int { return g.current.Load().revoked.Len(time.Now()) }

// parseRevocation parses the body of POST /revocations. A field that it does not know may be one that is misspelt, and without
// it more would be revoked than was asked for. So it is refused.
func parseRevocation(body []byte) (r control.Revocation, err error) {
	const example = `send {"jti":"7f3a"}, {"sub":"ann"}, {"sub":"ann","project":"42"} or {"before":1795539600}`
	var b struct {
		ID      word   `json:"jti"`
		Subject word   `json:"sub"`
		Project word   `json:"project"`
		Before  number `json:"before"`
		Until   number `json:"until"`
	}
	if !json.Valid(body) {
		return r, errors.New("the body is not JSON; " + example)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return r, fmt.Errorf("%w; %s", err, example)
	}
	r.ID, r.Subject = string(b.ID), string(b.Subject)
	if b.Project != "" {
		if r.Project, err = version.ParseProject(string(b.Project)); err != nil {
			return r, fmt.Errorf("project: %w", err)
		}
	}
	for _, field := range []struct {
		name string
		n    number
		to   *time.Time
	}{{"before", b.Before, &r.Before}, {"until", b.Until, &r.Until}} {
		if field.n == "" {
			continue
		}
		seconds, err := json.Number(field.n).Float64()
		if err != nil || !(seconds > 0 && seconds < maxSeconds) {
			return r, fmt.Errorf("%s: %.30s is no time in seconds since 1970, such as 1795539600", field.name, field.n)
		}
		*field.to = time.UnixMilli(int64(math.Ceil(seconds * 1000)))
	}
	if r.ID != "" && r.Project != (version.Project{}) || r.ID == "" && r.Subject == "" && r.Before.IsZero() {
		return r, errors.New("it names neither a jti, nor a sub with or without project, nor a time before which tokens were issued; " + example)
	}
	return r, nil
}

// maxSeconds is the year 10000. A time in milliseconds is beyond it.
const maxSeconds = 253_402_300_800

// word is a string in JSON, or an integer, which counts as the text of its digits, as in tokens. It is not empty: a program
// that does not know whom to revoke must not revoke everybody.
type word string

// UnmarshalJSON implements [json.Unmarshaler].
func (w *word) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		if err := json.Unmarshal(text, (*string)(w)); err != nil || *w != "" {
			return err
		}
	} else if len(bytes.Trim(text, "-0123456789")) == 0 {
		*w = word(text)
		return nil
	}
	return fmt.Errorf("jti, sub and project are strings or integers, and none has %.30s", text)
}

// number is a number in JSON, or its text. null is refused: a program that does not know the time must not revoke for ever.
type number json.Number

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return errors.New("before and until are times in seconds since 1970, and one is null; leave it out")
	}
	return json.Unmarshal(text, (*json.Number)(n))
}
