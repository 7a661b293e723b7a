package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
	"nudge/version"
	"nudge/version/control"
)

// revoker is the header with a token that may revoke these.
func revoker(revoke any) string {
	return "Authorization: Bearer " + sign(jwt.MapClaims{"sub": "app", "revoke": revoke})
}

// issued is the header with a token of a subject who may subscribe to everything.
func issued(id, subject string, at time.Time) string {
	return "Authorization: Bearer " + sign(jwt.MapClaims{"jti": id, "sub": subject, "iat": at.Unix(), "subscribe": "*"})
}

// Each kind of revocation ends the streams that it is about, and no others; a new token of the same user is good.
func TestPostRevocations(t *testing.T) {
	for name, test := range map[string]struct {
		body      string
		ended     []string // streams of ann's tokens 1 and 2, and of bob's token 3
		denied    string   // stream that has lost project 7
		newTokens bool     // of ann are good
	}{
		"a token":                    {`{"jti":"1"}`, []string{"1"}, "", true},
		"a token by number":          {`{"jti":1}`, []string{"1"}, "", true},
		"a subject":                  {`{"sub":"ann"}`, []string{"1", "2"}, "", true},
		"a subject's project":        {`{"sub":"bob","project":7}`, nil, "3", true},
		"a subject, before":          {`{"sub":"ann","before":946684740}`, []string{"1"}, "", true},
		"everybody, before":          {`{"before":"946684740","until":946690000.5}`, []string{"1"}, "", true},
		"a subject, until after now": {`{"sub":"ann","before":946684860}`, []string{"1", "2"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				time.Sleep(time.Second) // bubbles begin at 946684800
				now := time.Now()
				streams := map[string]*tap{}
				for id, who := range map[string]string{
					"1": issued("1", "ann", now.Add(-2*time.Minute)), "2": issued("2", "ann", now.Add(-time.Second)), "3": issued("3", "bob", now.Add(-time.Second)),
				} {
					streams[id] = r.open("/events?project=42&project=7", who)
					streams[id].next("hello")
				}
				if a := r.post("/revocations", test.body, revoker("*")); a.StatusCode != 204 || a.body != "" || a.Header.Get("Cache-Control") != "no-store" {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
				for _, id := range test.ended {
					streams[id].bids("revoked")
					delete(streams, id)
				}
				if s := streams[test.denied]; s != nil {
					if h := s.find("hello").json(t); fmt.Sprint(h["denied"]) != "[7]" {
						t.Error(h)
					}
				}
				if time.Since(now) > time.Second {
					t.Errorf("it took %v", time.Since(now))
				}
				r.news("42@1")
				for _, s := range streams {
					s.version()
				}
				time.Sleep(time.Second)
				if a := r.get("/versions?project=42", issued("4", "ann", time.Now())); (a.StatusCode == 200) != test.newTokens {
					t.Errorf("a token that was signed later: %d", a.StatusCode)
				}
				if n := r.get("/ops/status").json(t)["revocations"]; n != 1.0 {
					t.Errorf("%v in /status", n)
				}
			})
		})
	}
}

// In the order of the checks: each request has the faults of the rows below, too.
func TestPostRevocationsRefuses(t *testing.T) {
	const good = `{"sub":"ann"}`
	for _, test := range []struct {
		name, body string
		headers    []string
		status     int
		code, says string
	}{
		{"no token", "[", []string{nobody, "Origin: https://evil.example"}, 401, "missing", ""},
		{"a foreign page", "[", []string{as("ann"), "Origin: https://evil.example"}, 403, "origin", ""},
		{"no claim", "[", []string{publisher("*")}, 403, "forbidden", "claim revoke"},
		{"too large", strings.Repeat(" ", 65<<10), []string{revoker("42")}, 413, "too_large", ""},
		{"no JSON", "[", []string{revoker("42")}, 400, "malformed", `{"sub":"ann"}`},
		{"a list", "[]", []string{revoker("42")}, 400, "malformed", ""},
		{"nothing", "{}", []string{revoker("42")}, 400, "malformed", "names neither"},
		{"a field misspelt", `{"sub":"ann","projct":"42"}`, []string{revoker("42")}, 400, "malformed", "projct"},
		{"an empty subject", `{"sub":"","before":946684800}`, []string{revoker("*")}, 400, "malformed", "sub"},
		{"no subject", `{"sub":null,"before":946684800}`, []string{revoker("*")}, 400, "malformed", "null"},
		{"no time", `{"sub":"ann","before":null}`, []string{revoker("*")}, 400, "malformed", "null"},
		{"no end", `{"sub":"ann","until":null}`, []string{revoker("*")}, 400, "malformed", "null"},
		{"a subject that is no text", `{"sub":7.5}`, []string{revoker("*")}, 400, "malformed", "7.5"},
		{"a project alone", `{"project":"42","before":946684800}`, []string{revoker("*")}, 400, "malformed", "subject"},
		{"a project of a token", `{"jti":"1","sub":"ann","project":"42"}`, []string{revoker("*")}, 400, "malformed", ""},
		{"no project", `{"sub":"ann","project":"4 2"}`, []string{revoker("*")}, 400, "malformed", "project"},
		{"milliseconds", `{"before":1795539600123}`, []string{revoker("*")}, 400, "malformed", "seconds since 1970"},
		{"far ahead", `{"before":1795539600}`, []string{revoker("*")}, 400, "malformed", "more than a day ahead"},
		{"a time before 1970", `{"before":-1}`, []string{revoker("*")}, 400, "malformed", "before"},
		{"an end that is over", `{"sub":"ann","until":946684799}`, []string{revoker("*")}, 400, "malformed", "until"},
		{"a long subject", `{"sub":"` + strings.Repeat("x", 300) + `"}`, []string{revoker("*")}, 400, "malformed", "subject"},
		{"whole tokens", good, []string{revoker([]string{"42", "team-*"})}, 403, "forbidden", "whole tokens"},
		{"another project", `{"sub":"ann","project":"7"}`, []string{revoker([]string{"42", "team-*"})}, 403, "forbidden", "project 7"},
		{"its own project", `{"sub":"ann","project":"team-7"}`, []string{revoker([]string{"42", "team-*"})}, 204, "", ""},
	} {
		bubble(t, nil, func(t *testing.T, r *rig) {
			a := r.post("/revocations", test.body, test.headers...)
			if a.StatusCode != test.status || !strings.Contains(a.body, strings.ReplaceAll(test.says, `"`, `\"`)) {
				t.Errorf("%s: %d %s", test.name, a.StatusCode, a.body)
			}
			if test.code != "" {
				isProblem(t, a, test.code)
			}
		})
	}
	bubble(t, func(o *gateway.Options) { o.Settings.Auth.Open = true }, func(t *testing.T, r *rig) {
		isProblem(t, r.post("/revocations", good, nobody), "forbidden")
	})
}

// A gateway that works alone keeps as many as a fleet does, and says so when it is full. Those that are over make room.
func TestRevocationsOfOneGatewayAreBounded(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.RevokeMany(0, control.MaxRevocations, time.Now().Add(time.Minute))
		a := r.post("/revocations", `{"sub":"ann"}`, revoker("*"))
		if isProblem(t, a, "limit"); a.StatusCode != 503 || a.Header.Get("Retry-After") != "60" || !strings.Contains(a.body, "auth.token_life") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		time.Sleep(time.Minute)
		if a := r.post("/revocations", `{"sub":"ann"}`, revoker("*")); a.StatusCode != 204 {
			t.Errorf("when all are over: %d %s", a.StatusCode, a.body)
		}
	})
}

// shared is a source that tells a fleet of revocations, or cannot.
type shared struct {
	*fake
	err error
}

func (s *shared) ReplaceFlag(context.Context, int64, control.Override) (bool, error) {
	return false, s.err
}

func (s *shared) ExchangeShadow(context.Context, string, time.Duration) ([]string, error) {
	return nil, s.err
}

func (s *shared) Revoke(context.Context, control.Revocation) (control.RevocationEntry, error) {
	return control.RevocationEntry{}, s.err
}

func TestRevocationsThatCannotBeStored(t *testing.T) {
	for _, test := range []struct {
		err  error
		code string
	}{{errors.New("gone"), "unavailable"}, {control.ErrFull, "limit"}} {
		bubble(t, func(o *gateway.Options) {
			source := o.Source
			o.Source = func(b *version.Board, h gateway.Host) (version.Source, error) {
				f, err := source(b, h)
				return &shared{f.(*fake), test.err}, err
			}
		}, func(t *testing.T, r *rig) {
			a := r.post("/revocations", `{"sub":"ann"}`, revoker("*"))
			if isProblem(t, a, test.code); a.StatusCode != 503 || strings.Contains(a.body, "gone") {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if a := r.get("/versions?project=42", issued("1", "ann", time.Now().Add(-time.Minute))); a.StatusCode != 200 {
				t.Errorf("it is in force here alone: %d", a.StatusCode)
			}
		})
	}
}

// Revocations are kept for as long as a token may live, so one that lives longer is refused.
func TestTokenLife(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth.TokenLife = time.Hour }, func(t *testing.T, r *rig) {
		now := time.Now()
		for name, test := range map[string]struct {
			issued, expires time.Duration
			good            bool
		}{
			"an hour":                          {0, time.Hour, true},
			"an hour, and old":                 {-30 * time.Minute, 30 * time.Minute, true},
			"more":                             {0, time.Hour + time.Second, false},
			"more, and almost over":            {-2 * time.Hour, time.Minute, false},
			"no time of issue":                 {1, time.Hour, true},
			"no time of issue, and far beyond": {1, time.Hour + time.Second, false},
		} {
			claims := jwt.MapClaims{"subscribe": "*", "iat": now.Add(test.issued).Unix(), "exp": now.Add(test.expires).Unix()}
			if test.issued == 1 {
				delete(claims, "iat")
			}
			a := r.get("/versions?project=42", "Authorization: Bearer "+sign(claims))
			if (a.StatusCode == 200) != test.good {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
			}
		}
		if !strings.Contains(r.log.String(), "auth.token_life") {
			t.Errorf("the log does not name the key:\n%s", r.log)
		}
	})
}
