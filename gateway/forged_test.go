package gateway_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

// The classics of forged tokens, none of which opens anything. What they are refused with says no more than the code, and the
// log has no part of them.
func TestForgedTokens(t *testing.T) {
	const claims = `{"aud":"nudge","exp":4102444800,"subscribe":"*","sub":"ann"}`
	b64 := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	unsigned := func(header, signature string) string { return b64(header) + "." + b64(claims) + "." + signature }
	hmac := func(header, key string) string { // signed with a key of the attacker's choice
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, nil)
		text := b64(header) + "." + b64(claims)
		sum, err := token.Method.Sign(text, []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(sum)
	}
	own := func(method jwt.SigningMethod, key any) string {
		return signWith(method, key, jwt.MapClaims{"subscribe": "*", "sub": "ann"})
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(secret))
	good := signText(`{"alg":"HS256"}`, claims)
	signature := good[strings.LastIndexByte(good, '.')+1:]
	evil := `"jwk":{"kty":"oct","k":"` + b64(strings.Repeat("evil", 8)) + `"}`
	forged := map[string]string{
		"none":                      unsigned(`{"alg":"none"}`, ""),
		"NONE":                      unsigned(`{"alg":"NONE"}`, ""),
		"nOnE, with a signature":    unsigned(`{"alg":"nOnE"}`, signature),
		"none, without a last dot":  strings.TrimSuffix(unsigned(`{"alg":"none"}`, ""), "."),
		"no algorithm":              unsigned(`{}`, signature),
		"null":                      unsigned(`{"alg":null}`, signature),
		"a list of algorithms":      unsigned(`{"alg":["HS256","none"]}`, signature),
		"an algorithm with NUL":     unsigned(`{"alg":"HS256\u0000"}`, signature),
		"small letters":             hmac(`{"alg":"hs256"}`, secret),
		"the signature of another":  unsigned(`{"alg":"HS256","x":1}`, signature),
		"RS256":                     own(jwt.SigningMethodRS256, key),
		"PS256":                     own(jwt.SigningMethodPS256, key),
		"ES256":                     own(jwt.SigningMethodES256, ec),
		"EdDSA":                     own(jwt.SigningMethodEdDSA, ed),
		"HS256 with a public key":   hmac(`{"alg":"HS256"}`, string(publicPEM)),
		"HS256 without a key":       hmac(`{"alg":"HS256"}`, ""),
		"HS256 with NUL":            hmac(`{"alg":"HS256"}`, "\x00"),
		"the secret's hash":         hmac(`{"alg":"HS256"}`, string(digest[:])),
		"the secret's hash in hex":  hmac(`{"alg":"HS256"}`, hex.EncodeToString(digest[:])),
		"the secret and more":       hmac(`{"alg":"HS256"}`, secret+"\n"),
		"psychic":                   unsigned(`{"alg":"ES256"}`, strings.Repeat("A", 86)),
		"psychic in DER":            unsigned(`{"alg":"ES256"}`, b64("\x30\x06\x02\x01\x00\x02\x01\x00")),
		"a psychic HMAC":            unsigned(`{"alg":"HS256"}`, strings.Repeat("A", 43)),
		"a short HMAC":              unsigned(`{"alg":"HS256"}`, signature[:22]),
		"no HMAC":                   unsigned(`{"alg":"HS256"}`, ""),
		"a key of its own (jwk)":    hmac(`{"alg":"HS256",`+evil+`}`, strings.Repeat("evil", 8)),
		"a key elsewhere (jku)":     hmac(`{"alg":"HS256","jku":"http://127.0.0.1:1/jwks.json"}`, "evil"),
		"a certificate (x5u)":       hmac(`{"alg":"HS256","x5u":"http://127.0.0.1:1/cert.pem"}`, "evil"),
		"a certificate (x5c)":       hmac(`{"alg":"HS256","x5c":["`+b64("evil")+`"]}`, "evil"),
		"kid of an empty file":      hmac(`{"alg":"HS256","kid":"../../../../dev/null"}`, ""),
		"kid of a known file":       hmac(`{"alg":"HS256","kid":"/proc/sys/kernel/randomize_va_space"}`, "2\n"),
		"kid with SQL":              hmac(`{"alg":"HS256","kid":"x' UNION SELECT 'evil' --"}`, "evil"),
		"kid with a command":        hmac(`{"alg":"HS256","kid":"|touch /tmp/evil"}`, "evil"),
		"kid with NUL":              hmac(`{"alg":"HS256","kid":"\u0000"}`, "\x00"),
		"encrypted, in five parts":  good + "." + signature + "." + signature,
		"encrypted, in three":       unsigned(`{"alg":"dir","enc":"A128GCM"}`, signature),
		"a token in a token":        signText(`{"alg":"HS256","cty":"JWT"}`, `"`+good+`"`),
		"claims with a mark before": signText(`{"alg":"HS256"}`, "\ufeff"+claims),
	}
	for name, exp := range map[string]string{
		"1e308": "1e308", "2^63": "9223372036854775808", "30 digits": strings.Repeat("9", 30), "1e999999999": "1e999999999", "NaN": "NaN", "Infinity": "Infinity",
		"-1": "-1", "-1e30": "-1e30", "-0": "-0", "0": "0", "true": "true", "a list": "[4102444800]", "an object": "{}", "hex": `"0xffffffff"`, "an underscore": `"4_102_444_800"`,
		"text Inf": `"Inf"`, "text p": `"0x1p33"`, "a space": `" 4102444800"`, "other digits": `"٤102444800"`, "twice": `4102444800,"exp":4102444801`, "twice, escaped": `1,"\u0065xp":4102444800`,
	} {
		forged["exp "+name] = signText(`{"alg":"HS256"}`, `{"aud":"nudge","subscribe":"*","exp":`+exp+"}")
	}
	for name, text := range map[string][2]string{ // what is wrong with a token may be another token
		"alg": {`{"alg":"` + good + `"}`, claims}, "typ": {`{"alg":"HS256","typ":"` + good + `"}`, claims}, "crit": {`{"alg":"HS256","crit":["` + good + `"]}`, claims},
		"a name": {`{"alg":"HS256"}`, `{"` + good + `":1,"` + good + `":1}`}, "aud": {`{"alg":"HS256"}`, `{"exp":4102444800,"aud":"` + good + `"}`},
		"exp": {`{"alg":"HS256"}`, `{"aud":"nudge","exp":"` + good + `"}`}, "sub": {`{"alg":"HS256"}`, `{"aud":"nudge","exp":4102444800,"sub":{"` + good + `":1}}`},
	} {
		forged["a token in "+name] = signText(text[0], text[1])
	}
	bubble(t, func(o *gateway.Options) { o.QueryToken = true }, func(t *testing.T, r *rig) {
		for name, token := range forged {
			for way, a := range map[string]answer{
				"header":  r.get("/events?project=42", "Authorization: Bearer "+token),
				"cookie":  r.get("/events?project=42", nobody, "Cookie: __Host-nudge="+token),
				"query":   r.get("/events?project=42&token="+token, nobody),
				"session": r.post("/session", "", "Authorization: Bearer "+token),
				"publish": r.post("/versions", `{"project":"42","version":1}`, "Authorization: Bearer "+token),
			} {
				var p struct{ Code string }
				if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.StatusCode != http.StatusUnauthorized || p.Code != "invalid" && p.Code != "expired" {
					t.Errorf("%s in the %s: %d %s", name, way, a.StatusCode, a.body)
				}
			}
		}
		tellsNothing(t, r, slices.Collect(maps.Values(forged))...)
	})
}

// A token of 1 MB is refused before anybody reads it.
func TestHugeToken(t *testing.T) {
	r := wire(t, nil)
	token := signText(`{"alg":"HS256"}`, `{"aud":"nudge","exp":4102444800,"subscribe":"*","x":"`+strings.Repeat("x", 1<<20)+`"}`)
	for _, how := range [][]string{{"Authorization: Bearer " + token}, {nobody, "Cookie: nudge=" + token}} {
		if a := r.get("/versions?project=42", how...); a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", a.StatusCode)
		}
	}
	tellsNothing(t, r, token)
}
