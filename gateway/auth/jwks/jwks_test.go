package jwks

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var (
	rsaKey     = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey      = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edKey, _   = must2(ed25519.GenerateKey(rand.Reader))
	rsaJWK     = fmt.Sprintf(`"kty":"RSA","n":"%s","e":"AQAB"`, b64(rsaKey.N.Bytes()))
	point      = must(ecKey.PublicKey.Bytes())
	ecJWK      = fmt.Sprintf(`"kty":"EC","crv":"P-256","x":"%s","y":"%s"`, b64(point[1:33]), b64(point[33:]))
	edJWK      = fmt.Sprintf(`"kty":"OKP","crv":"Ed25519","x":"%s"`, b64(edKey))
	discard    = slog.New(slog.DiscardHandler)
	oneRSA     = set(`"kid":"a",` + rsaJWK)
	oneOther   = set(`"kid":"b",` + ecJWK)
	bothOfThem = set(`"kid":"a",`+rsaJWK, `"kid":"b",`+ecJWK)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[T, U any](v T, w U, err error) (T, U) {
	if err != nil {
		panic(err)
	}
	return v, w
}

func set(keys ...string) string { return `{"keys":[{` + strings.Join(keys, "},{") + `}]}` }

// Each key goes with its own algorithms, and what cannot be used is skipped with its reason.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, key string
		want      string // its algorithms, or why it is skipped
	}{
		{"RSA", rsaJWK, "RS256 PS256"},
		{"RSA for RS256", rsaJWK + `,"alg":"RS256"`, "RS256"},
		{"RSA for PS256", rsaJWK + `,"alg":"PS256","use":"sig","key_ops":["verify"]`, "PS256"},
		{"EC", ecJWK, "ES256"},
		{"Ed25519", edJWK, "EdDSA"},
		{"Ed25519 by its new name", edJWK + `,"alg":"Ed25519"`, "EdDSA"},
		{"padded", strings.Replace(edJWK, `"}`, `="`, 1), "EdDSA"},
		{"with certificates", rsaJWK + `,"x5u":"http://evil.example","x5c":["AAAA"],"x5t":"AAAA"`, "RS256 PS256"}, // no meaning
		{"to encrypt", rsaJWK + `,"use":"enc"`, `its use is "enc"`},
		{"to sign", rsaJWK + `,"key_ops":["sign"]`, "its key_ops do not have verify"},
		{"a secret", `"kty":"oct","k":"AAAA"`, "it is a secret"},
		{"a secret in an RSA key", rsaJWK + `,"k":"AAAA"`, "it is a secret"},
		{"a private key", rsaJWK + `,"d":"AAAA"`, "it is a private key"},
		{"RSA for HS256", rsaJWK + `,"alg":"HS256"`, `its alg is "HS256"`},
		{"RSA for RS512", rsaJWK + `,"alg":"RS512"`, `its alg is "RS512"`},
		{"EC for RS256", ecJWK + `,"alg":"RS256"`, `its alg is "RS256"`},
		{"none", rsaJWK + `,"alg":"none"`, `its alg is "none"`},
		{"P-384", strings.Replace(ecJWK, "P-256", "P-384", 1), "is not supported"},
		{"X25519", strings.Replace(edJWK, "Ed25519", "X25519", 1), "is not supported"},
		{"a weak RSA key", fmt.Sprintf(`"kty":"RSA","n":"%s","e":"AQAB"`, b64(rsaKey.N.Bytes()[:128])), "it has 1024 bits"},
		{"a giant RSA key", fmt.Sprintf(`"kty":"RSA","n":"%s","e":"AQAB"`, b64(bytes.Repeat([]byte{0xff}, 2048))), "it has 16384 bits"},
		{"e is 1", fmt.Sprintf(`"kty":"RSA","n":"%s","e":"AQ"`, b64(rsaKey.N.Bytes())), "e is no exponent"},
		{"e is even", fmt.Sprintf(`"kty":"RSA","n":"%s","e":"BA"`, b64(rsaKey.N.Bytes())), "e is no exponent"},
		{"e is huge", fmt.Sprintf(`"kty":"RSA","n":"%s","e":"AQAAAAAAAAAB"`, b64(rsaKey.N.Bytes())), "e is no exponent"},
		{"a long point", strings.Replace(ecJWK, `"y":"`, `"y":"AAAA`, 1), "y has 35 bytes"},
		{"a point off the curve", fmt.Sprintf(`"kty":"EC","crv":"P-256","x":"%s","y":"%s"`, b64(point[1:33]), b64(point[1:33])), "point"},
		{"no point", `"kty":"EC","crv":"P-256","x":"AA","y":"AA"`, "point"},
		{"x is short", `"kty":"OKP","crv":"Ed25519","x":"AAAA"`, "x has 3 bytes"},
		{"n is no base64", `"kty":"RSA","n":"!","e":"AQAB"`, "n is missing, or not base64url"},
		{"no members", `"kid":"a"`, "is not supported"},
		{"a number for kty", `"kty":7`, "it cannot be read"},
	} {
		keys, err := Parse([]byte(set(`"kid":"other",`+edJWK, test.key)))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		got := strings.Join(keys.skipped, " ")
		if len(keys.all) == 2 {
			got = strings.Join(keys.all[1].algorithms, " ")
		}
		if len(keys.skipped) > 0 && !strings.Contains(got, test.want) || len(keys.skipped) == 0 && got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = `"kty":"RSA"`
	}
	for text, want := range map[string]string{
		"":               "it is no key set",
		"-----BEGIN":     "it is no key set",
		"[]":             "it is no key set",
		"{}":             "it has no keys",
		`{"keys":[]}`:    "it has no keys",
		`{"keys":{}}`:    "it is no key set",
		`{"keys":[7]}`:   "it has no key that can be used; key 1",
		set(`"kty":"x"`): "it has no key that can be used; key 1",
		`{"issuer":"https://a","jwks_uri":"https://a/keys"}`: `says where that is: write its jwks_uri, "https://a/keys"`,
		set(many...):                         "it has 10000 keys, and may have 1000",
		strings.Repeat(" ", 10<<20) + oneRSA: "it is larger than 1048576 bytes",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

func TestFind(t *testing.T) {
	keys := must(Parse([]byte(set(`"kid":"a",`+rsaJWK, `"kid":"b",`+ecJWK, `"kid":"a",`+edJWK, `"alg":"PS256",`+rsaJWK))))
	for _, test := range []struct {
		id, algorithm string
		keys          int
		missing       bool
		err           string
	}{
		{"a", "RS256", 1, false, ""},
		{"a", "EdDSA", 1, false, ""}, // two keys of one name
		{"b", "ES256", 1, false, ""},
		{"b", "RS256", 0, false, `the key with its kid "b" is for ES256, not for "RS256"`},
		{"a", "HS256", 0, false, `is for RS256 or PS256, not for "HS256"`},
		{"a", "none", 0, false, "not for"},
		{"../../dev/null", "RS256", 0, true, "no key has its kid"},
		{"' OR 1=1 --", "RS256", 0, true, "no key has its kid"},
		{"", "RS256", 1, false, ""},
		{"", "PS256", 2, false, ""},
		{"", "HS256", 0, true, "no key is for"},
	} {
		got, missing, err := keys.find(test.id, test.algorithm)
		if len(got) != test.keys || missing != test.missing || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s %s: %d keys, %v, %v", test.id, test.algorithm, len(got), missing, err)
		}
	}
	many := make([]string, mostTries+1)
	for i := range many {
		many[i] = ecJWK
	}
	if _, _, err := must(Parse([]byte(set(many...)))).find("", "ES256"); err == nil || !strings.Contains(err.Error(), "name one by kid") {
		t.Errorf("a token would be tried with %d keys: %v", len(many), err)
	}
}

// keyServer is a key server in a bubble. Its fields may change while it runs.
type keyServer struct {
	mu       sync.Mutex
	text     string
	status   int
	slow     time.Duration
	redirect string
	paths    []string // of the requests so far
}

func (s *keyServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *keyServer) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.paths)
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.String())
	text, status, slow, redirect := s.text, s.status, s.slow, s.redirect
	s.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	header := http.Header{}
	if redirect != "" && r.URL.Path != "/there" {
		status = 302
		header.Set("Location", redirect)
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Header: header,
		Body: io.NopCloser(strings.NewReader(text)), Request: r,
	}, nil
}

// keep runs a keeper of one source in a bubble.
func keep(t *testing.T, server *keyServer, source string, test func(t *testing.T, s *Set, log *lockedBuffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		k := NewKeeper(server, slog.New(slog.NewTextHandler(&log, nil)))
		sets, err := k.Open(t.Context(), true, source)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		synctest.Wait()
		test(t, sets[0], &log)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lockedBuffer is a buffer that several goroutines may use.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

const keyURL = "https://user:secret@keys.example/jwks?key=secret"

// have checks whether the set has a key now. Find must not take any time.
func have(t *testing.T, s *Set, id string, want error) {
	t.Helper()
	begun := time.Now()
	keys, err := s.Find(s.Keys(), id, map[string]string{"a": "RS256", "b": "ES256"}[id], true)
	if (len(keys) == 1) != (want == nil) || errors.Is(want, ErrPending) && !errors.Is(err, ErrPending) || want != nil && want != ErrPending && (err == nil || errors.Is(err, ErrPending)) {
		t.Errorf("%s: %d keys, %v", id, len(keys), err)
	}
	if took := time.Since(begun); took > 0 {
		t.Errorf("Find waited for %v", took)
	}
}

var errUnknown = errors.New("unknown")

// A gateway starts while its key server is away, says so, and has the keys within seconds when it comes back.
func TestKeyServerIsAway(t *testing.T) {
	server := &keyServer{}
	keep(t, server, keyURL, func(t *testing.T, s *Set, log *lockedBuffer) {
		have(t, s, "a", ErrPending)
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "connection refused") {
			t.Errorf("the log does not say so: %s", log)
		}
		time.Sleep(10 * time.Second)
		server.set(func() { server.text, server.status = oneRSA, 200 })
		time.Sleep(20 * time.Second)
		have(t, s, "a", nil)

		server.set(func() { server.status = 503 })
		time.Sleep(time.Hour)
		have(t, s, "a", nil) // the last good ones
		if n := strings.Count(log.String(), "cannot be read again; those of 2000-01-01T00:"); n < 2 || n > 8 {
			t.Errorf("the log tells of it %d times in an hour", n)
		}
		if strings.Contains(log.String(), "secret") {
			t.Errorf("a password is in the log: %s", log)
		}
		for _, text := range []string{"<html>", `{"keys":[]}`, strings.Repeat(" ", 10<<20)} { // or it answers nonsense
			server.set(func() { server.text, server.status = text, 200 })
			time.Sleep(10 * time.Minute)
			have(t, s, "a", nil)
		}
		if st := s.status(time.Now()); st.Keys != 1 || st.Age < 3600 || st.Error == "" || st.Source != "https://keys.example/jwks" {
			t.Errorf("%+v", st)
		}
		if n := server.requests(); n > 120 {
			t.Errorf("a server that fails is asked %d times in 90 minutes", n)
		}
	})
}

// A new key is there as soon as a token names it, and is not refused before; one that is withdrawn is refused within five minutes.
func TestRotation(t *testing.T) {
	server := &keyServer{text: oneRSA, status: 200}
	keep(t, server, keyURL, func(t *testing.T, s *Set, _ *lockedBuffer) {
		have(t, s, "a", nil)
		server.set(func() { server.text = bothOfThem }) // just after the first look
		have(t, s, "b", ErrPending)
		synctest.Wait()
		have(t, s, "a", nil)
		have(t, s, "b", nil)
		server.set(func() { server.text = oneOther })
		time.Sleep(5 * time.Minute)
		have(t, s, "b", nil)
		have(t, s, "a", ErrPending) // it may be new
		time.Sleep(time.Millisecond)
		synctest.Wait()
		for range 9 {
			have(t, s, "a", errUnknown)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		have(t, s, "a", ErrPending) // it may have come meanwhile
		time.Sleep(time.Millisecond)
		have(t, s, "a", errUnknown)
	})
}

// Invented keys cost the key server six requests a minute, and do not hide a true rotation. Nobody waits, also when it is slow.
func TestUnknownKeyStorm(t *testing.T) {
	server := &keyServer{text: oneRSA, status: 200}
	keep(t, server, keyURL, func(t *testing.T, s *Set, _ *lockedBuffer) {
		storm := func(d time.Duration) {
			for begun := time.Now(); time.Since(begun) < d; time.Sleep(50 * time.Millisecond) {
				have(t, s, fmt.Sprint("invented-", time.Now()), ErrPending)
				have(t, s, "a", nil)
			}
		}
		storm(time.Minute)
		if n := server.requests(); n < 7 || n > 11 {
			t.Errorf("%d requests in a minute", n)
		}
		server.set(func() { server.slow, server.text = 4*time.Second, bothOfThem })
		have(t, s, "b", ErrPending)
		time.Sleep(time.Second)
		have(t, s, "b", ErrPending) // the server has not answered yet
		storm(15 * time.Second)
		have(t, s, "b", nil)
		if n := len(s.missing); n > mostMissing {
			t.Errorf("%d names are remembered", n)
		}
	})
}

// A key server that hangs is given up after five seconds.
func TestSlowKeyServer(t *testing.T) {
	server := &keyServer{text: oneRSA, status: 200, slow: time.Hour}
	keep(t, server, keyURL, func(t *testing.T, s *Set, log *lockedBuffer) {
		time.Sleep(6 * time.Second)
		have(t, s, "a", ErrPending)
		if !strings.Contains(log.String(), "the key server did not answer within 5s") {
			t.Error(log)
		}
	})
}

func TestRedirects(t *testing.T) {
	for _, test := range []struct {
		from, to string
		good     bool
	}{
		{"https://keys.example/jwks", "https://cdn.example/there", true},
		{"https://keys.example/jwks", "/there", true},
		{"https://keys.example/jwks", "http://keys.example/there", false},
		{"https://keys.example/jwks", "http://127.0.0.1/there", false},
		{"http://127.0.0.1:8000/jwks", "http://127.0.0.1:8000/there", true},
		{"http://127.0.0.1:8000/jwks", "http://evil.example/there", false},
		{"http://127.0.0.1:8000/jwks", "https://keys.example/there", true},
		{"https://keys.example/jwks", "file:///there", false},
		{"https://keys.example/jwks", "https://keys.example/jwks", false}, // for ever
	} {
		server := &keyServer{text: oneRSA, status: 200, redirect: test.to}
		_, err := NewKeeper(server, discard).Open(t.Context(), false, test.from)
		if (err == nil) != test.good {
			t.Errorf("%s to %s: %v", test.from, test.to, err)
		}
		if !test.good && len(server.paths) > 4 {
			t.Errorf("%s to %s: %d requests", test.from, test.to, len(server.paths))
		}
	}
}

// A set that cannot be had is an error, and what is in use stays.
func TestOpen(t *testing.T) {
	server := &keyServer{text: oneRSA, status: 200}
	k := NewKeeper(server, discard)
	first, err := k.Open(t.Context(), false, "https://a/jwks", "https://b/jwks", "https://a/jwks")
	if err != nil || server.requests() != 2 || first[0] != first[2] {
		t.Fatal(err, server.paths)
	}
	server.set(func() { server.status = 404 })
	if _, err := k.Open(t.Context(), false, "https://a/jwks", "https://c/jwks?password"); err == nil ||
		err.Error() != "https://c/jwks: the key server answers 404 Not Found" {
		t.Error(err)
	}
	again, err := k.Open(t.Context(), false, "https://a/jwks")
	if err != nil || again[0] != first[0] || len(k.Status()) != 1 {
		t.Error(err, k.Status())
	}
	if _, err := k.Open(t.Context(), true, "/nowhere/keys.json"); err == nil || !strings.Contains(err.Error(), "the file cannot be read: no such file") {
		t.Error(err)
	}
}

// A file is read again when it changes. A bad one leaves the last good keys.
func TestFile(t *testing.T) {
	path := t.TempDir() + "/keys.json"
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(oneRSA)
	keep(t, nil, path, func(t *testing.T, s *Set, log *lockedBuffer) {
		have(t, s, "a", nil)
		have(t, s, "b", ErrPending)
		time.Sleep(time.Millisecond)
		have(t, s, "b", errUnknown)
		write(bothOfThem)
		time.Sleep(everyFile)
		synctest.Wait()
		have(t, s, "b", nil)
		write(bothOfThem[:100])
		time.Sleep(time.Minute)
		have(t, s, "b", nil)
		os.Remove(path)
		time.Sleep(time.Minute)
		have(t, s, "b", nil)
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, log)
		}
		write(oneOther)
		time.Sleep(everyFile)
		synctest.Wait()
		have(t, s, "b", nil)
		have(t, s, "a", ErrPending)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		have(t, s, "a", errUnknown)
	})
}

// A source that is not used any more is not asked any more.
func TestLetGo(t *testing.T) {
	server := &keyServer{text: oneRSA, status: 200}
	synctest.Test(t, func(t *testing.T) {
		k := NewKeeper(server, discard)
		must(k.Open(t.Context(), true, "https://a/jwks"))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		time.Sleep(time.Second)
		must(k.Open(t.Context(), false, "https://b/jwks"))
		time.Sleep(time.Hour)
		var a int
		stop()
		<-done
		for _, path := range server.paths {
			if strings.HasPrefix(path, "https://a") {
				a++
			}
		}
		if a != 1 || len(server.paths) < 12 {
			t.Error(server.paths)
		}
	})
}

// What is no key set is refused, without a panic, and keys have the size that they need.
func FuzzKeySet(f *testing.F) {
	for _, seed := range []string{oneRSA, oneOther, bothOfThem, set(edJWK), `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"jwks_uri":"x"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := Parse(text)
		if (keys == nil) == (err == nil) {
			t.Fatal(keys, err)
		}
		if err != nil {
			return
		}
		for _, k := range keys.all {
			switch public := k.public.(type) {
			case *rsa.PublicKey:
				if public.N.BitLen() < leastRSA || new(big.Int).SetInt64(int64(public.E)).Bit(0) == 0 {
					t.Fatal(public)
				}
			case *ecdsa.PublicKey:
				must(public.Bytes())
			case ed25519.PublicKey:
				if len(public) != ed25519.PublicKeySize {
					t.Fatal(public)
				}
			default:
				t.Fatalf("%T", public)
			}
		}
	})
}
