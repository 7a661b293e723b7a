package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"nudge/version"
)

const fuzzSecret = "a secret of the fuzz tests, thirty-two bytes and more"

// signed signs header and claims as they are written.
func signed(header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(fuzzSecret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Whatever an application signs: a token that is accepted says what the caller gets, and another JSON decoder reads the same.
func FuzzClaims(f *testing.F) {
	const header, rest = `{"alg":"HS256","typ":"JWT"}`, `"aud":"nudge","exp":4102444800`
	for _, claims := range []string{
		"{" + rest + "}", "{" + rest + `,"subscribe":["42","team-*"],"publish":"7","sub":"ann","iat":1,"jti":"x"}`, "{" + rest + `,"subscribe":42,"sub":7,"jti":-0}`,
		"{" + rest + `,"subscribe":[9007199254740993,"a*b",""]}`, "{" + rest + `,"subscribe":[],"subscribe":["42"]}`, "{" + rest + `,"SUBSCRIBE":"42","\u0073ubscribe":"42"}`,
		"{" + rest + `,"ſubscribe":"42"}`, "{" + rest + `,"subscribe":{"42":1}}`, "{" + rest + `,"subscribe":null,"sub":null}`, "{" + rest + `,"subscribe":["\ud800"]}`,
		`{"aud":["x","nudge"],"exp":4102444800.9,"nbf":1e3,"subscribe":"*"}`, `{"aud":"nudge","exp":1e400}`, `{"aud":"nudge","exp":-1}`, `{"aud":"nudge","exp":"4102444800"}`,
		`{"aud":"nudge","exp":253402300800}`, `{"aud":"nudge","exp":9223372036854775808}`, `{"aud":"nudge","exp":NaN}`, "[]", "null", `"{}"`, "", " {" + rest + "} ", "{" + rest + "}{}", "{" + rest + ",}",
		"{" + rest + `,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}",
	} {
		f.Add(header, claims)
	}
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"None"}`, `{"alg":"HS256","alg":"none"}`, `{"ALG":"HS256"}`, `{"alg":"HS256","crit":["exp"]}`, `{"alg":"HS256","b64":false}`, `{"alg":"HS256","typ":"JOSE"}`,
		`{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example","x5u":"x","x5c":[],"kid":"../../dev/null"}`, `{"alg":["HS256"]}`, `{"alg":"RS256"}`, "{}", "null", "",
	} {
		f.Add(header, "{"+rest+`,"subscribe":"42"}`)
	}
	v := NewVerifier(Settings{Secret: fuzzSecret, Leeway: 30 * time.Second}, Places{}, nil, slog.New(slog.DiscardHandler))
	now := time.Now()
	f.Fuzz(func(t *testing.T, header, claims string) {
		who, err := v.Verify(signed(header, claims), Revocations{})
		if err != nil {
			if who != nil || err != ErrExpired && err != ErrInvalid {
				t.Fatalf("%v, %v", who, err)
			}
			return
		}
		head, body := object(t, header), object(t, claims)
		if head["alg"] != "HS256" || head["crit"] != nil || head["b64"] != nil {
			t.Fatalf("accepted: %s", header)
		}
		if !slices.Contains(list(body["aud"]), "nudge") {
			t.Fatalf("another audience: %s", claims)
		}
		if who.Expires.Before(now.Add(-time.Minute)) || who.Expires.Year() > 9999 {
			t.Fatalf("until %v: %s", who.Expires, claims)
		}
		if want := strings.Join(list(body["sub"]), ""); who.Subject != want {
			t.Fatalf("the subject %q, want %q: %s", who.Subject, want, claims)
		}
		for what, may := range map[string]func(version.Project) bool{"subscribe": who.MaySubscribe, "publish": who.MayPublish} {
			patterns := list(body[what])
			for _, id := range append(patterns, "42", "team-1", "x") {
				p, err := version.ParseProject(id)
				if err != nil {
					continue
				}
				want := slices.ContainsFunc(patterns, func(text string) bool {
					prefix, wild := strings.CutSuffix(text, "*")
					_, err := version.ParseProject(prefix)
					return text == id || wild && (prefix == "" || err == nil) && strings.HasPrefix(id, prefix)
				})
				if may(p) != want {
					t.Fatalf("may %s %s: %v, want %v: %s", what, id, !want, want, claims)
				}
			}
		}
	})
}

// object is what encoding/json makes of a JSON object.
func object(t *testing.T, text string) (o map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&o); err != nil || o == nil || !utf8.ValidString(text) {
		t.Fatalf("accepted: %q, %v", text, err)
	}
	return o
}

// list is the texts of a claim: one or several, some of them numbers.
func list(claim any) (texts []string) {
	all, several := claim.([]any)
	if !several {
		all = []any{claim}
	}
	for _, one := range all {
		switch one := one.(type) {
		case string:
			texts = append(texts, one)
		case json.Number:
			texts = append(texts, one.String())
		}
	}
	return texts
}
