package auth

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Explain says of each token what Verify says, and why: one rule in one place.
func TestExplain(t *testing.T) { synctest.Test(t, testExplain) }

func testExplain(t *testing.T) {
	const secret, previous = "a secret of at least thirty-two bytes", "the secret that was in force before it"
	hs := testSigner{jwt.SigningMethodHS256, []byte(secret), "", nil}
	rs := testSigner{jwt.SigningMethodRS256, rsaKey, "rsa", nil}
	now := time.Now().Unix()
	many := make([]string, 500)
	for i := range many {
		many[i] = "project-" + strings.Repeat("x", 10)
	}
	settings := Settings{
		Secret: secret, Previous: previous, Leeway: 30 * time.Second, TokenLife: 24 * time.Hour,
		Issuers: []Issuer{{Name: "https://login.example/", JWKS: keyFile(t, publicKeys), Projects: patternsOf("a-*")}},
	}
	provider := jwt.MapClaims{"iss": "https://login.example/"}
	for _, test := range []struct {
		name, token string
		code        string
		says        string // of the first fault, or of a finding
		fix         string
	}{
		{"good", hs.sign(t, nil), "", `subscribe: "42"`, ""},
		{"previous", testSigner{jwt.SigningMethodHS256, []byte(previous), "", nil}.sign(t, nil), "", "signature: by auth.previous_secret", ""},
		{"of the provider", rs.sign(t, provider), "", `signature: by the jwks of "https://login.example/" in auth.issuers`, ""},
		{"of a tenant", rs.sign(t, jwt.MapClaims{"iss": "https://login.example/", "subscribe": "*"}), "", `subscribe: "*", within a-* (auth.issuers)`, ""},
		{"odd patterns", hs.sign(t, jwt.MapClaims{"subscribe": []string{"a*b", "42"}}), "", `subscribe: "a*b" matches nothing`, `write project ids`},
		{"large", hs.sign(t, jwt.MapClaims{"subscribe": many}), "", "bytes, and a cookie has no room for it", "sign one with fewer projects"},
		{"empty", "", "invalid", "form: it is empty", "as the application signed it"},
		{"no token", "nonsense", "invalid", "form: it has no dots", "as the application signed it"},
		{"with Bearer", "Bearer " + hs.sign(t, nil), "invalid", "form: it has white space", "send the token alone"},
		{"as JSON text", `"` + hs.sign(t, nil) + `"`, "invalid", "form: it has quotes", "send the token alone: parse the JSON"},
		{"in an object", `{"token":"` + hs.sign(t, nil) + `"}`, "invalid", "form: it has quotes, braces", "send the token alone: parse the JSON"},
		{"a page", "<!DOCTYPE><p>login</p>", "invalid", "form: it has quotes, braces or tags", "a page for logging in is no token"},
		{"encrypted", "a.b.c.d.e", "invalid", "form: it has five parts or more", "do not encrypt"},
		{"two lines", strings.Replace(hs.sign(t, nil), ".", ".\n", 1), "invalid", "form: it has line breaks", ""},
		{"a claim", hs.sign(t, jwt.MapClaims{"sub": []int{7}}), "invalid", "claims: sub has a list", "write a string or an integer"},
		{"issuer without slash", rs.sign(t, jwt.MapClaims{"iss": "https://login.example"}), "invalid", `algorithm: it is signed with "RS256"`, "or write the signer's public keys as auth.jwks"},
		{"algorithm", hs.sign(t, provider), "invalid", `algorithm: it is signed with "HS256", and the jwks of "https://login.example/" in auth.issuers goes with RS256`, "sign with a private key"},
		{"key", testSigner{jwt.SigningMethodRS256, rsaKey, "ec", nil}.sign(t, provider), "invalid", `key: the key with its kid "ec" is for ES256, not for "RS256"`, "sign with a key of the set"},
		{"signature", testSigner{jwt.SigningMethodRS256, otherRSA, "rsa", nil}.sign(t, provider), "invalid", "signature: its signature is not by the jwks", "nothing changes the token on its way"},
		{"expired", hs.sign(t, jwt.MapClaims{"exp": now - 3600, "iat": now - 7200}), "expired", "exp: it expired 1h0m0s ago", "fetch a new one"},
		{"expired at once", hs.sign(t, jwt.MapClaims{"exp": now - 3600, "iat": now - 3600}), "expired", "exp: it expired 1h0m0s ago", "its exp is not after its iat"},
		{"no exp", hs.sign(t, jwt.MapClaims{"exp": nil}), "invalid", "exp: it has no exp", "seconds since 1970"},
		{"milliseconds", hs.sign(t, jwt.MapClaims{"exp": now * 1000}), "invalid", "looks like milliseconds", "write seconds"},
		{"for ever", hs.sign(t, jwt.MapClaims{"exp": now + 100*86400}), "invalid", "life: it is valid for 2400h0m0s, and auth.token_life is 24h0m0s", "nearer exp"},
		{"too early", hs.sign(t, jwt.MapClaims{"nbf": now + 3600}), "invalid", "nbf: it is valid only in ", "compare the clocks"},
		{"audience", hs.sign(t, jwt.MapClaims{"aud": []string{"a", "b"}}), "invalid", `aud: its aud is a list of 2, such as "a", and the gateway wants "nudge"`, `write aud: "nudge"`},
	} {
		v := NewVerifier(settings, Places{Cookie: Jar{Name: "nudge"}}, setsOf(t, settings), slog.New(slog.DiscardHandler))
		r := v.Explain(test.token)
		_, err := v.Verify(test.token, Revocations{})
		if code := ""; err != nil {
			code = codeOf(err)
			if r.Good || r.Code != code {
				t.Errorf("%s: Explain says %q, Verify %q", test.name, r.Code, code)
			}
		} else if !r.Good {
			t.Errorf("%s: Explain refuses it, and Verify does not", test.name)
		}
		var found bool
		for _, f := range r.Findings {
			found = found || strings.Contains(f.Check+": "+f.Says, test.says) && strings.Contains(f.Fix, test.fix) && (f.Good == (f.Fix == ""))
		}
		if r.Code != test.code || !found {
			t.Errorf("%s: %q, %+v", test.name, r.Code, r.Findings)
		}
		text, _ := json.Marshal(r)
		signature := test.token[strings.LastIndexByte(test.token, '.')+1:]
		if strings.Contains(string(text), secret) || len(signature) > 20 && strings.Contains(string(text), signature) {
			t.Errorf("%s: the report has a secret: %s", test.name, text)
		}
	}
	if r := newTestVerifier(t, Settings{Open: true}).Explain("x"); !r.Good {
		t.Errorf("%+v", r)
	}
	if r := newTestVerifier(t, Settings{}).Explain(hs.sign(t, nil)); r.Good || !strings.Contains(r.Findings[3].Says, "the gateway has no keys") {
		t.Errorf("%+v", r)
	}
	// All faults are in one report, in the order of the checks.
	r := newTestVerifier(t, settings).Explain(testSigner{jwt.SigningMethodHS256, []byte("another"), "", nil}.sign(t, jwt.MapClaims{"aud": "app", "exp": 1}))
	var bad []string
	for _, f := range r.Findings {
		if !f.Good {
			bad = append(bad, f.Check)
		}
	}
	if got := strings.Join(bad, " "); got != "signature exp aud" || r.Code != "invalid" {
		t.Errorf("%s, %s", got, r.Code)
	}
}
