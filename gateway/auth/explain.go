package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"nudge/version"
)

// Report is all that a gateway says of a token.
type Report struct {
	Good     bool      `json:"good"`
	Code     string    `json:"code"` // of the answer; "": the token is accepted
	Findings []Finding `json:"findings"`
}

// Finding is the result of one check. It has no part of a key or a signature.
type Finding struct {
	Check string `json:"check"`
	Good  bool   `json:"good"`
	Says  string `json:"says"`          // what the token has, or what is wrong
	Fix   string `json:"fix,omitempty"` // what to do, if something is wrong
}

// Explain examines a token as [Verifier.Verify] does, and goes on after the first fault. It says nothing of revocations.
func (v *Verifier) Explain(token string) Report {
	if v.open {
		return Report{Good: true, Findings: []Finding{{Check: "open", Good: true, Says: "auth.open is true: the gateway looks at no token"}}}
	}
	x := examined{text: token, now: time.Now(), alone: true}
	r := Report{Findings: []Finding{}}
	first := v.examine(&x, func(check string, f *fault) {
		if f != nil {
			r.Findings = append(r.Findings, Finding{check, false, f.text, f.Fix()})
		} else if says := v.describe(check, &x); says != "" {
			r.Findings = append(r.Findings, Finding{check, true, says, ""})
		}
	})
	if r.Good = first == nil; !r.Good {
		r.Code = codeOf(first.code)
	}
	if x.payload == nil || first != nil && first.reason == "claims" {
		return r
	}
	r.Findings = append(r.Findings, v.grant(&x, v.names.Subscribe, x.claims.Subscribe), v.grant(&x, v.names.Publish, x.claims.Publish))
	if len(x.claims.Revoke) > 0 {
		r.Findings = append(r.Findings, v.grant(&x, v.names.Revoke, x.claims.Revoke))
	}
	if v.places.Cookie.Name != "" {
		if _, err := v.places.Cookie.Give(true, token, time.Now().Add(time.Hour)); err != nil {
			r.Findings = append(r.Findings, Finding{
				"cookie", false, fmt.Sprintf("it has %d bytes, and a cookie has no room for it", len(token)),
				"sign one with fewer projects, or with a prefix such as team-*; or send it in a header",
			})
		}
	}
	return r
}

// codeOf returns the code of the answer for an error of Verify.
func codeOf(err error) string {
	if errors.Is(err, ErrPending) {
		return "unavailable"
	}
	return err.Error()
}

// describe says what a token has that has passed a check; "": nothing.
func (v *Verifier) describe(check string, x *examined) string {
	switch check {
	case "form":
		return "three parts in base64url"
	case "header":
		if x.header.Key != "" {
			return fmt.Sprintf("alg %.20q, kid %.100q", x.header.Algorithm, x.header.Key)
		}
		return fmt.Sprintf("alg %.20q", x.header.Algorithm)
	case "claims":
		return "a JSON object, each claim once"
	case "issuer":
		if x.claims.Issuer == "" {
			return "none, and none is required"
		}
		return fmt.Sprintf("%.200q: verified with %s", x.claims.Issuer, x.signers[0].name())
	case "algorithm":
		if len(x.signers) > 0 {
			return fmt.Sprintf("%s goes with %s", x.header.Algorithm, x.signers[0].name())
		}
	case "key":
		if len(x.candidates) > 0 && x.candidates[0].set != nil {
			return "it is in " + x.candidates[0].name()
		}
	case "signature":
		switch {
		case x.by == nil:
		case x.by.set == nil && x.nth > 0:
			return "by auth.previous_secret"
		default:
			return "by " + x.by.name()
		}
	case "exp":
		if left := x.expires.Sub(x.now).Round(time.Second); left >= 0 {
			return fmt.Sprintf("in %v, at %s", left, x.expires.UTC().Format(time.RFC3339))
		}
		return fmt.Sprintf("%v ago, within auth.leeway (%v)", x.now.Sub(x.expires).Round(time.Second), v.leeway)
	case "nbf":
		if x.claims.NotBefore != "" {
			return "it is valid already"
		}
	case "aud":
		if len(x.signers) > 0 {
			return quoted(x.claims.Audience)
		}
	case "sub":
		if x.claims.Subject == "" {
			return "none: limits count the network of the caller, and push.percent below 100 leaves it out"
		}
		return fmt.Sprintf("%.200q", x.claims.Subject)
	}
	return ""
}

// grant says what a claim with patterns allows. What is neither an id nor a prefix matches nothing, and is no reason to refuse a token.
func (v *Verifier) grant(x *examined, name string, texts []string) Finding {
	f := Finding{Check: name, Good: true, Says: "nothing"}
	var bad []string
	for _, text := range texts {
		if _, err := version.ParsePattern(text); err != nil {
			bad = append(bad, text)
		}
	}
	if len(texts) > 0 {
		f.Says = quoted(texts)
	}
	if x.by != nil && x.by.projects != nil && len(texts) > 0 {
		var within []string
		for _, p := range x.by.projects {
			within = append(within, p.String())
		}
		f.Says += ", within " + strings.Join(within, ", ") + " (auth.issuers)"
	}
	if len(bad) > 0 {
		f.Good, f.Says, f.Fix = false, quoted(bad)+" matches nothing", "write "+wantIDs
	}
	return f
}

// quoted lists texts, but not hundreds.
func quoted(texts []string) string {
	var all []string
	for _, text := range texts[:min(len(texts), 10)] {
		all = append(all, fmt.Sprintf("%.100q", text))
	}
	if n := len(texts) - 10; n > 0 {
		all = append(all, fmt.Sprintf("%d more", n))
	}
	return strings.Join(all, ", ")
}
