package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway/auth/jwks"
	"nudge/version"
	"nudge/version/control"
)

// signer of tests: one who signs with one method, and a verifier of its tokens alone.
type testSigner struct {
	method   jwt.SigningMethod
	key      any
	kid      string
	verifier *Verifier
}

var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ = ed25519.GenerateKey(rand.Reader)
)

// publicKeys is the key set of rsaKey, ecKey and edKey.
var publicKeys = func() string {
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := ecKey.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"keys":[{"kid":"rsa","kty":"RSA","n":"%s","e":"AQAB"},{"kid":"ec","kty":"EC","crv":"P-256","x":"%s","y":"%s"},
		{"kid":"ed","kty":"OKP","crv":"Ed25519","x":"%s"}]}`,
		b64(rsaKey.N.Bytes()), b64(point[1:33]), b64(point[33:]), b64(edKey.Public().(ed25519.PublicKey)))
}()

// setsOf opens the key sets of settings.
func setsOf(t testing.TB, s Settings) []*jwks.Set {
	t.Helper()
	sets, err := jwks.NewKeeper(nil, slog.New(slog.DiscardHandler)).Open(t.Context(), false, s.Sources()...)
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

func keyFile(t testing.TB, text string) (path string) {
	t.Helper()
	path = t.TempDir() + "/keys.json"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newTestVerifier(t testing.TB, s Settings) *Verifier {
	return NewVerifier(s, Places{}, setsOf(t, s), slog.New(slog.DiscardHandler))
}

func signers(t testing.TB, secret string) map[string]testSigner {
	public := newTestVerifier(t, Settings{JWKS: keyFile(t, publicKeys)})
	return map[string]testSigner{
		"HS256": {jwt.SigningMethodHS256, []byte(secret), "", newTestVerifier(t, Settings{Secret: secret})},
		"RS256": {jwt.SigningMethodRS256, rsaKey, "rsa", public},
		"PS256": {jwt.SigningMethodPS256, rsaKey, "rsa", public},
		"ES256": {jwt.SigningMethodES256, ecKey, "ec", public},
		"EdDSA": {jwt.SigningMethodEdDSA, edKey, "ed", public},
	}
}

// sign signs a good token, with other claims where change has them.
func (s testSigner) sign(t testing.TB, change jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"aud": "nudge", "exp": time.Now().Add(time.Hour).Unix(), "sub": "ann", "subscribe": []string{"42"}}
	for name, value := range change {
		claims[name] = value
	}
	token := jwt.NewWithClaims(s.method, claims)
	if s.kid != "" {
		token.Header["kid"] = s.kid
	}
	text, err := token.SignedString(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Public keys and secrets never verify one another's tokens, whatever header says.
func TestKeyConfusion(t *testing.T) {
	const secret = "a secret of at least thirty-two bytes"
	path := keyFile(t, publicKeys)
	public := newTestVerifier(t, Settings{JWKS: path})
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	point, _ := ecKey.PublicKey.Bytes()
	ed := edKey.Public().(ed25519.PublicKey)
	for name, signed := range map[string]testSigner{
		"HS256 with the public key as PEM":    {jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "rsa", nil},
		"HS256 with the public key as DER":    {jwt.SigningMethodHS256, der, "rsa", nil},
		"HS256 with n":                        {jwt.SigningMethodHS256, rsaKey.N.Bytes(), "rsa", nil},
		"HS256 with the point":                {jwt.SigningMethodHS256, point, "ec", nil},
		"HS256 with the key of Ed25519":       {jwt.SigningMethodHS256, []byte(ed), "ed", nil},
		"HS256 with the key set":              {jwt.SigningMethodHS256, []byte(publicKeys), "rsa", nil},
		"HS256 with nothing":                  {jwt.SigningMethodHS256, []byte{}, "", nil},
		"none":                                {jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "rsa", nil},
		"RS256 by another key":                {jwt.SigningMethodRS256, otherRSA, "rsa", nil},
		"RS256 by another key, without a kid": {jwt.SigningMethodRS256, otherRSA, "", nil},
		"RS256, kid of another kind":          {jwt.SigningMethodRS256, rsaKey, "ec", nil},
		"RS256, kid a path":                   {jwt.SigningMethodRS256, rsaKey, "../../../dev/null", nil},
		"RS256, kid a query":                  {jwt.SigningMethodRS256, rsaKey, "rsa' OR '1'='1", nil},
		"RS256, kid a URL":                    {jwt.SigningMethodRS256, rsaKey, "https://evil.example/keys", nil},
		"RS512":                               {jwt.SigningMethodRS512, rsaKey, "rsa", nil},
		"RS384":                               {jwt.SigningMethodRS384, rsaKey, "rsa", nil},
		"PS512":                               {jwt.SigningMethodPS512, rsaKey, "rsa", nil},
		"ES256 by another key":                {jwt.SigningMethodES256, otherEC, "ec", nil},
		"EdDSA, kid of another kind":          {jwt.SigningMethodEdDSA, edKey, "rsa", nil},
	} {
		if who, err := public.Verify(signed.sign(t, nil), Revocations{}); err == nil || who != nil {
			t.Errorf("%s is accepted", name)
		}
	}
	// Keys that a token brings along have no meaning.
	for name, value := range map[string]any{
		"jwk": map[string]any{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(secret))},
		"jku": "https://evil.example/keys", "x5u": "https://evil.example/cert", "x5c": []string{base64.StdEncoding.EncodeToString(der)},
	} {
		for method, key := range map[jwt.SigningMethod]any{jwt.SigningMethodHS256: []byte(secret), jwt.SigningMethodRS256: otherRSA} {
			token := jwt.NewWithClaims(method, jwt.MapClaims{"aud": "nudge", "exp": time.Now().Add(time.Hour).Unix()})
			token.Header[name] = value
			text, err := token.SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := public.Verify(text, Revocations{}); err == nil {
				t.Errorf("%s with %s is accepted", name, method.Alg())
			}
		}
	}
	// Psychic signatures: r and s are 0, or the order of the curve.
	good := signers(t, secret)["ES256"].sign(t, nil)
	body := good[:strings.LastIndexByte(good, '.')+1]
	n := elliptic.P256().Params().N.Bytes()
	for _, signature := range [][]byte{make([]byte, 64), append(n, n...), append(make([]byte, 32), n...), {}, make([]byte, 63), make([]byte, 128)} {
		if _, err := public.Verify(body+base64.RawURLEncoding.EncodeToString(signature), Revocations{}); err == nil {
			t.Errorf("a signature of %d bytes is accepted: %x", len(signature), signature)
		}
	}
	// A secret takes no public algorithm.
	for _, method := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		signed := signers(t, secret)[method]
		if _, err := signed.verifier.Verify(signed.sign(t, nil), Revocations{}); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		if _, err := newTestVerifier(t, Settings{Secret: secret}).Verify(signed.sign(t, nil), Revocations{}); err == nil {
			t.Errorf("a secret verifies %s", method)
		}
	}
}

var (
	otherRSA, _ = rsa.GenerateKey(rand.Reader, 2048)
	otherEC, _  = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

func patternsOf(texts ...string) []version.Pattern { return patterns(texts) }

// Each issuer has its own keys, audience, projects and users.
func TestIssuers(t *testing.T) {
	const own, tenant, next = "a secret of the application itself!!", "a secret of tenant-b, 32 bytes long", "the next secret of tenant-b, 32 bytes"
	s := Settings{Secret: own, Issuers: []Issuer{
		{Name: "https://login.example/", JWKS: keyFile(t, publicKeys), Audience: "app", Projects: patternsOf("a-*")},
		{Name: "tenant-b", Secret: tenant, Projects: patternsOf("b-*", "shared")},
		{Name: "tenant-b", Secret: next, Projects: patternsOf("b-*")},
	}}
	v := newTestVerifier(t, s)
	hs := func(key string) testSigner { return testSigner{jwt.SigningMethodHS256, []byte(key), "", nil} }
	rs := testSigner{jwt.SigningMethodRS256, rsaKey, "rsa", nil}
	all := func(iss any, more jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"iss": iss, "subscribe": "*", "publish": "*"}
		for name, value := range more {
			c[name] = value
		}
		return c
	}
	for _, test := range []struct {
		name    string
		token   string
		reaches string // of a-1 b-1 shared; "refused"
		subject string
	}{
		{"the application", hs(own).sign(t, all("app", nil)), "a-1 b-1 shared", "ann"},
		{"the application, without iss", hs(own).sign(t, jwt.MapClaims{"subscribe": "*"}), "a-1 b-1 shared", "ann"},
		{"the provider", rs.sign(t, all("https://login.example/", jwt.MapClaims{"aud": []string{"x", "app"}})), "a-1", "https://login.example/ ann"},
		{"the provider, another audience", rs.sign(t, all("https://login.example/", nil)), "refused", ""},
		{"the provider, without a slash", rs.sign(t, all("https://login.example", jwt.MapClaims{"aud": "app"})), "refused", ""},
		{"the provider as a tenant", rs.sign(t, all("tenant-b", nil)), "refused", ""},
		{"the provider as the application", rs.sign(t, all("app", nil)), "refused", ""},
		{"the tenant", hs(tenant).sign(t, all("tenant-b", nil)), "b-1 shared", "tenant-b ann"},
		{"the tenant, next secret", hs(next).sign(t, all("tenant-b", nil)), "b-1", "tenant-b ann"},
		{"the tenant as another", hs(tenant).sign(t, all("https://login.example/", jwt.MapClaims{"aud": "app"})), "refused", ""},
		{"the tenant as the application", hs(tenant).sign(t, all("app", nil)), "refused", ""},
		{"the tenant, without iss", hs(tenant).sign(t, jwt.MapClaims{"subscribe": "*"}), "refused", ""},
		{"the application as the tenant", hs(own).sign(t, all("tenant-b", nil)), "refused", ""},
		{"the tenant, in capitals", hs(tenant).sign(t, all("Tenant-B", nil)), "refused", ""},
		{"the tenant and more", hs(tenant).sign(t, all("tenant-b\x00", nil)), "refused", ""},
		{"the tenant, within its projects", hs(tenant).sign(t, jwt.MapClaims{"iss": "tenant-b", "subscribe": []string{"a-1", "b-1"}}), "b-1", "tenant-b ann"},
		{"the tenant, without sub", hs(tenant).sign(t, all("tenant-b", jwt.MapClaims{"sub": nil})), "b-1 shared", ""},
	} {
		who, err := v.Verify(test.token, Revocations{})
		if err != nil {
			if test.reaches != "refused" || err != ErrInvalid {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		var reaches []string
		for _, text := range []string{"a-1", "b-1", "shared"} {
			p, _ := version.ParseProject(text)
			if who.MaySubscribe(p) {
				reaches = append(reaches, text)
			}
			if who.MayPublish(p) != who.MaySubscribe(p) && who.Publishes() {
				t.Errorf("%s publishes %s: %v", test.name, text, who.MayPublish(p))
			}
		}
		if got := strings.Join(reaches, " "); got != test.reaches || who.Subject != test.subject {
			t.Errorf("%s reaches %q as %q, want %q as %q", test.name, got, who.Subject, test.reaches, test.subject)
		}
	}
}

// Without keys of its own, a gateway takes the tokens of its issuers alone; with auth.issuer it takes that too.
func TestIssuersAlone(t *testing.T) {
	const own, tenant = "a secret of the application itself!!", "a secret of tenant-b, 32 bytes long"
	issuers := []Issuer{{Name: "tenant-b", Secret: tenant, Projects: patternsOf("*")}}
	hs := func(key string, iss any) string {
		return testSigner{jwt.SigningMethodHS256, []byte(key), "", nil}.sign(t, jwt.MapClaims{"iss": iss})
	}
	for _, test := range []struct {
		s     Settings
		token string
		good  bool
	}{
		{Settings{Issuers: issuers}, hs(tenant, "tenant-b"), true},
		{Settings{Issuers: issuers}, hs(tenant, nil), false},
		{Settings{Issuers: issuers}, hs(own, nil), false},
		{Settings{Issuers: issuers}, hs("", nil), false},
		{Settings{Issuers: issuers, Secret: own, Issuer: "app"}, hs(own, "app"), true},
		{Settings{Issuers: issuers, Secret: own, Issuer: "app"}, hs(own, "other"), false},
		{Settings{Issuers: issuers, Secret: own, Issuer: "app"}, hs(own, nil), false},
		{Settings{Issuers: issuers, Secret: own, Issuer: "app"}, hs(tenant, "tenant-b"), true},
		{Settings{}, hs("", nil), false},
	} {
		if _, err := newTestVerifier(t, test.s).Verify(test.token, Revocations{}); (err == nil) != test.good {
			t.Errorf("%+v: %v", test.s, err)
		}
	}
}

// The claims of an identity provider can have names of their own, letter by letter.
func TestNamesOfClaims(t *testing.T) {
	const secret = "a secret of at least thirty-two bytes"
	v := newTestVerifier(t, Settings{Secret: secret, RequireSubject: true, Claims: Claims{Subject: "email", Subscribe: "https://example.com/projects"}})
	sign := testSigner{jwt.SigningMethodHS256, []byte(secret), "", nil}.sign
	p, _ := version.ParseProject("42")
	who, err := v.Verify(sign(t, jwt.MapClaims{"email": "a@b.c", "https://example.com/projects": 42, "subscribe": "*", "publish": "42"}), Revocations{})
	if err != nil || who.Subject != "a@b.c" || !who.MaySubscribe(p) || !who.MayPublish(p) {
		t.Fatal(err, who)
	}
	for _, claims := range []jwt.MapClaims{{"sub": "ann"}, {"Email": "a"}, {"email": ""}} {
		if _, err := v.Verify(sign(t, claims), Revocations{}); err == nil {
			t.Errorf("%v has a subject", claims)
		}
	}
	who, err = v.Verify(sign(t, jwt.MapClaims{"email": "a", "https://example.com/Projects": "*", "subscribe": "*"}), Revocations{})
	if err != nil || who.MaySubscribe(p) {
		t.Error("a claim counts by another name:", err)
	}
}

// A key that is removed verifies nothing any more, also what it has verified before. Expired and revoked tokens are not remembered as good.
func TestVerifiedTokensAreForgotten(t *testing.T) {
	path := keyFile(t, publicKeys)
	synctest.Test(t, func(t *testing.T) {
		k := jwks.NewKeeper(nil, slog.New(slog.DiscardHandler))
		s := Settings{JWKS: path, Leeway: time.Minute}
		sets, err := k.Open(t.Context(), true, s.Sources()...)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		v := NewVerifier(s, Places{}, sets, slog.New(slog.DiscardHandler))
		ec, rs := testSigner{jwt.SigningMethodES256, ecKey, "ec", nil}, testSigner{jwt.SigningMethodRS256, rsaKey, "rsa", nil}
		token, short := ec.sign(t, jwt.MapClaims{"sub": "eve"}), rs.sign(t, jwt.MapClaims{"exp": time.Now().Add(time.Minute).Unix()})
		check := func(when, token string, want error, revoked Revocations) {
			t.Helper()
			for range 2 {
				if _, err := v.Verify(token, revoked); err != want {
					t.Errorf("%s: %v", when, err)
				}
			}
		}
		check("good", token, nil, Revocations{})
		check("good", short, nil, Revocations{})
		revoked, _ := Revocations{}.With([]control.Revocation{{Subject: "eve", Until: time.Now().Add(time.Hour)}}, nil, time.Now())
		check("revoked", token, ErrInvalid, revoked)
		check("not revoked any more", token, nil, Revocations{})
		time.Sleep(2*time.Minute - time.Second)
		check("within the leeway", short, nil, Revocations{})
		time.Sleep(time.Second)
		check("expired", short, ErrExpired, Revocations{})
		if err := os.WriteFile(path, []byte(strings.Replace(publicKeys, `"ec"`, `"removed"`, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if _, err := v.Verify(token, Revocations{}); err == nil {
			t.Error("a token of a key that was removed is good")
		}
		stop()
		<-done
	})
}

func TestVerifiedIsBounded(t *testing.T) {
	var known verified
	now := time.Now()
	good := verdict{who: &Caller{}, until: now.Add(time.Hour)}
	hash := func(i int) (h [sha256.Size]byte) {
		binary.NativeEndian.PutUint64(h[:], uint64(i))
		return h
	}
	for i := range 5 * mostVerified {
		known.put(hash(i), good)
		if known.get(hash(0), now) == nil { // it is in use all the time
			t.Fatalf("forgotten after %d", i)
		}
	}
	if n := len(known.now) + len(known.old); n > 2*mostVerified {
		t.Errorf("%d tokens", n)
	}
	if known.get(hash(1), now) != nil {
		t.Error("nothing is forgotten")
	}
	if known.get(hash(0), now.Add(time.Hour)) != nil {
		t.Error("an expired one is good")
	}
	known.forget()
	if known.get(hash(0), now) == nil {
		t.Error("one that was just in use is forgotten")
	}
	known.forget()
	known.forget()
	if n := len(known.now) + len(known.old); n > 0 {
		t.Errorf("%d tokens are remembered that nobody sends", n)
	}
}

// If the two sides read one secret in two ways, the gateway finds out how.
func TestWhatToTry(t *testing.T) {
	const text = "c2l4dGVlbiBieXRlcyB0aGF0IGFyZSBhIHNlY3JldCE=" // base64 of 32 bytes
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.Repeat("0123456789abcdef", 4)
	raw, _ := hex.DecodeString(digits)
	for _, test := range []struct{ gateway, application, want string }{
		{text, string(bytes), "the application decodes the secret from base64: write base64: before it"},
		{string(bytes), text, "remove base64:"},
		{string(bytes), strings.TrimRight(text, "="), "remove base64:"},
		{string(bytes), "base64:" + text, "let it decode what follows base64:"},
		{digits, string(raw), "the application decodes the secret from hexadecimal digits"},
		{text, text + "\n", "ends with a line break"},
		{text, `"` + text + `"`, "has quotes around it"},
		{text, digits, "give the same secret"},
	} {
		v := newTestVerifier(t, Settings{Secret: digits[1:] + "x", Issuers: []Issuer{{Name: "i", Secret: test.gateway, Projects: patternsOf("*")}}})
		_, f := v.verify(testSigner{jwt.SigningMethodHS256, []byte(test.application), "", nil}.sign(t, jwt.MapClaims{"iss": "i"}), time.Now())
		if f == nil || f.reason != "signature" || !strings.Contains(f.Fix(), test.want) {
			t.Errorf("%q: %v", test.application, f)
		}
		if f != nil && (strings.Contains(f.text+f.Fix(), test.gateway) || strings.Contains(f.text+f.Fix(), test.application)) {
			t.Errorf("a secret is in the text: %v", f)
		}
	}
}
