package gateway_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
	"nudge/gateway/auth"
)

// keyServer is a key server; nil: it cannot be reached.
type keyServer struct{ text atomic.Pointer[string] }

func (s *keyServer) serve(text string) { s.text.Store(&text) }

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	text := s.text.Load()
	if text == nil {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(*text)), Request: r}, nil
}

// jwksOf is a key set with the public part of key under each of these names.
func jwksOf(ids ...string) string {
	var keys []string
	for _, id := range ids {
		keys = append(keys, fmt.Sprintf(`{"kid":%q,"kty":"RSA","alg":"RS256","n":%q,"e":"AQAB"}`, id, base64.RawURLEncoding.EncodeToString(key.N.Bytes())))
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

// signedBy is the header with a token that the key of this name has signed.
func signedBy(id string) string {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"aud": "nudge", "exp": far.Unix(), "subscribe": "*"})
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return "Authorization: Bearer " + text
}

// A gateway starts while its key server is away. It is not ready, and says of no token that it is bad.
func TestKeyServerAwayAtStart(t *testing.T) {
	server := new(keyServer)
	bubble(t, func(o *gateway.Options) {
		o.KeyServer = server
		o.Settings.Auth = auth.Settings{JWKS: "https://keys.example/jwks"}
	}, func(t *testing.T, r *rig) {
		for _, request := range []string{
			"GET /versions?project=42", "GET /versions?project=42", "GET /poll-interval", "GET /events?project=42",
			"POST /session", "POST /versions", "POST /missed", "POST /shadow", "POST /revocations",
		} {
			method, path, _ := strings.Cut(request, " ")
			a := r.do(method, path, "", signedBy("a"))
			isProblem(t, a, "unavailable")
			if a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" {
				t.Errorf("%d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
			}
		}
		if a := r.get("/ready"); a.StatusCode != 503 {
			t.Errorf("/ready says %d", a.StatusCode)
		}
		isProblem(t, r.get("/versions?project=42", "Authorization: Bearer "+anybody), "invalid") // no key could make it good
		server.serve(jwksOf("a"))
		time.Sleep(10 * time.Second)
		if a := r.get("/versions?project=42", signedBy("a")); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		if a := r.get("/ready"); a.StatusCode != 200 {
			t.Errorf("/ready says %d", a.StatusCode)
		}
		time.Sleep(time.Minute)
		if a := r.get("/ops/metrics"); !strings.Contains(string(a.body), "\nnudge_jwks_age_seconds 6") {
			t.Errorf("the age of the keys: %s", a.body)
		}
		if a := r.get("/ops/status"); !strings.Contains(string(a.body), `"keys":[{"source":"https://keys.example/jwks","keys":1,"age_s":`) {
			t.Errorf("%s", a.body)
		}
	})
}

// When a key is followed by another without notice, a page waits for a second at most, and nobody is refused. Streams stay.
func TestKeysRotateUnderLoad(t *testing.T) {
	server := new(keyServer)
	server.serve(jwksOf("a"))
	bubble(t, func(o *gateway.Options) {
		o.KeyServer = server
		o.Settings.Auth = auth.Settings{JWKS: "https://keys.example/jwks"}
	}, func(t *testing.T, r *rig) {
		time.Sleep(time.Minute)
		s := r.open("/events?project=42", signedBy("a"))
		s.next("hello")
		for i := range 20 {
			old, new := fmt.Sprint("k", i), fmt.Sprint("k", i+1)
			server.serve(jwksOf("a", old, new))
			a := r.get("/versions?project=42", signedBy(new))
			if a.StatusCode == 503 { // once
				time.Sleep(time.Second)
				a = r.get("/versions?project=42", signedBy(new))
			}
			if a.StatusCode != 200 {
				t.Fatalf("%d: %d %s", i, a.StatusCode, a.body)
			}
			time.Sleep(11 * time.Second)
			if a := r.get("/versions?project=42", signedBy(old)); a.StatusCode != 200 && i > 0 {
				t.Fatalf("%d: the old key: %d", i, a.StatusCode)
			}
		}
		server.serve(jwksOf("k20"))
		time.Sleep(6 * time.Minute)
		r.get("/versions?project=42", signedBy("a"))
		synctest.Wait()
		isProblem(t, r.get("/versions?project=42", signedBy("a")), "invalid")
		s.next("heartbeat")
	})
}

// A reload that names keys which cannot be had is refused, and the last good ones stay.
func TestReloadWithoutKeys(t *testing.T) {
	path := t.TempDir() + "/keys.json"
	if err := os.WriteFile(path, []byte(jwksOf("a")), 0o600); err != nil {
		t.Fatal(err)
	}
	server := new(keyServer)
	bubble(t, func(o *gateway.Options) {
		o.KeyServer = server
		o.Settings.Auth = auth.Settings{JWKS: path}
	}, func(t *testing.T, r *rig) {
		for source, want := range map[string]string{
			path + "x":                       "keys.jsonx: the file cannot be read: no such file or directory",
			"https://u:secret@keys.example/": "https://keys.example/: connection refused",
		} {
			next := r.settings
			next.Auth.JWKS = source
			err := r.Apply(next)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", source, err)
			}
			if a := r.get("/versions?project=42", signedBy("a")); a.StatusCode != 200 {
				t.Errorf("%s: %d", source, a.StatusCode)
			}
		}
		server.serve(jwksOf("b"))
		next := r.settings
		next.Auth.JWKS = "https://keys.example/"
		if err := r.Apply(next); err != nil {
			t.Fatal(err)
		}
		if a := r.get("/versions?project=42", signedBy("b")); a.StatusCode != 200 {
			t.Errorf("the new keys: %d", a.StatusCode)
		}
		r.get("/versions?project=42", signedBy("a")) // it may be new
		time.Sleep(time.Second)
		isProblem(t, r.get("/versions?project=42", signedBy("a")), "invalid")
	})
}

// Two tenants may each have a user 7, whose limits are their own.
func TestTenantsShareNoLimit(t *testing.T) {
	const other = "the secret of the other one, 32 bytes"
	bubble(t, func(o *gateway.Options) {
		o.Settings.Limits.StreamsPerSubject = 1
		o.Settings.Auth.Issuers = []auth.Issuer{{Name: "b", Secret: other}}
	}, func(t *testing.T, r *rig) {
		own := as("7", "*")
		tenant := "Authorization: Bearer " + signWith(jwt.SigningMethodHS256, []byte(other), jwt.MapClaims{"iss": "b", "sub": "7", "subscribe": "*"})
		r.open("/events?project=42", own).next("hello")
		r.open("/events?project=42", tenant).next("hello")
		isProblem(t, r.get("/events?project=42&evict=0", own), "limit")
		isProblem(t, r.get("/events?project=42&evict=0", tenant), "limit")
	})
}

// A tenant revokes its own users, and nobody else.
func TestTenantsRevokeTheirOwn(t *testing.T) {
	const other = "the secret of the other one, 32 bytes"
	bubble(t, func(o *gateway.Options) {
		o.Settings.Auth.Issuers = []auth.Issuer{{Name: "b", Secret: other}}
	}, func(t *testing.T, r *rig) {
		tenant := func(claims jwt.MapClaims) string {
			claims["iss"] = "b"
			return "Authorization: Bearer " + signWith(jwt.SigningMethodHS256, []byte(other), claims)
		}
		own, theirs := as("7", "*"), tenant(jwt.MapClaims{"sub": "7", "jti": "x", "subscribe": "*"})
		revoker := tenant(jwt.MapClaims{"revoke": "*"})
		status := func(token string) int { return r.get("/versions?project=42", token).StatusCode }
		for _, body := range []string{`{"jti":"x"}`, `{"before":946000000}`} {
			isProblem(t, r.post("/revocations", body, revoker), "forbidden")
		}
		if a := r.post("/revocations", `{"sub":"7"}`, revoker); a.StatusCode != 204 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		if a, b := status(own), status(theirs); a != 200 || b != 401 {
			t.Errorf("user 7 of the application: %d, of the tenant: %d", a, b)
		}
	})
}
