package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

// key is an application's key pair, of which everybody has the public part.
var key, publicPEM = func() (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}()

func TestTokens(t *testing.T) {
	const previous = "the secret that was in force before it"
	all := func(change jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"subscribe": "*"}
		for name, value := range change {
			c[name] = value
		}
		return c
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() // bubbles begin then
	parts := strings.Split(anybody, ".")
	ps256, _ := jwt.NewWithClaims(jwt.SigningMethodPS256, all(nil)).SignedString(key)
	for _, test := range []struct {
		name  string
		token string
		code  string // "" is accepted
	}{
		{"good", sign(all(nil)), ""},
		{"HS384", signWith(jwt.SigningMethodHS384, []byte(secret), all(nil)), ""},
		{"HS512", signWith(jwt.SigningMethodHS512, []byte(secret), all(nil)), ""},
		{"previous secret", signWith(jwt.SigningMethodHS256, []byte(previous), all(nil)), ""},
		{"one of several audiences", sign(all(jwt.MapClaims{"aud": []string{"app", "nudge"}})), ""},
		{"some issuer", sign(all(jwt.MapClaims{"iss": "app"})), ""},
		{"expired within the leeway", sign(all(jwt.MapClaims{"exp": now - 20})), ""},
		{"issued in the future", sign(all(jwt.MapClaims{"iat": now + 20})), ""},

		{"expired", sign(all(jwt.MapClaims{"exp": now - 31})), "expired"},
		{"no exp", sign(all(jwt.MapClaims{"exp": nil})), "invalid"},
		{"exp is no number", sign(all(jwt.MapClaims{"exp": "tomorrow"})), "invalid"},
		{"not yet", sign(all(jwt.MapClaims{"nbf": now + 31})), "invalid"},
		{"another audience", sign(all(jwt.MapClaims{"aud": "app"})), "invalid"},
		{"no audience", sign(all(jwt.MapClaims{"aud": nil})), "invalid"},
		{"no audience in the list", sign(all(jwt.MapClaims{"aud": []string{}})), "invalid"},
		{"another secret", signWith(jwt.SigningMethodHS256, []byte("another secret, as long as the true one"), all(nil)), "invalid"},
		{"another secret, expired", signWith(jwt.SigningMethodHS256, []byte("another"), all(jwt.MapClaims{"exp": 1})), "invalid"},
		{"empty secret", signWith(jwt.SigningMethodHS256, []byte{}, all(nil)), "invalid"},
		{"no signature", parts[0] + "." + parts[1] + ".", "invalid"},
		{"a bit of the signature", parts[0] + "." + parts[1] + "." + flip(parts[2]), "invalid"},
		{"alg none", signWith(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, all(nil)), "invalid"},
		{"RS256", signWith(jwt.SigningMethodRS256, key, all(nil)), "invalid"},
		{"PS256", ps256, "invalid"},
		{"HS256 with a public key", signWith(jwt.SigningMethodHS256, publicPEM, all(nil)), "invalid"},
		{"exp in quotes", sign(all(jwt.MapClaims{"exp": "4102444800"})), ""},
		{"exp with a fraction", sign(all(jwt.MapClaims{"exp": 4102444800.5})), ""},
		{"exp beyond all numbers", sign(all(jwt.MapClaims{"exp": json.Number("1e999")})), "invalid"},
		{"exp in milliseconds", sign(all(jwt.MapClaims{"exp": time.Now().Add(time.Hour).UnixMilli()})), "invalid"},
		{"exp null", sign(all(jwt.MapClaims{"exp": json.RawMessage("null")})), "invalid"},
		{"iat is no number", sign(all(jwt.MapClaims{"iat": true})), "invalid"},
		{"iat beyond all numbers", sign(all(jwt.MapClaims{"iat": json.Number("1e999")})), "invalid"},
		{"an audience is no text", sign(all(jwt.MapClaims{"aud": []any{"nudge", 42}})), "invalid"},
		{"audience is an object", sign(all(jwt.MapClaims{"aud": map[string]any{"nudge": "nudge"}})), "invalid"},
		{"subscribe has a fraction", sign(all(jwt.MapClaims{"subscribe": []any{42.5}})), "invalid"},
		{"a text of subscribe is none", sign(all(jwt.MapClaims{"subscribe": []any{"42", nil}})), "invalid"},
		{"publish is an object", sign(all(jwt.MapClaims{"publish": object{"42": true}})), "invalid"},
		{"publish null", sign(all(jwt.MapClaims{"publish": json.RawMessage("null")})), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) {
				o.Settings.Auth.Previous = previous
				o.QueryToken = true
			}, func(t *testing.T, r *rig) {
				for way, a := range map[string]answer{
					"header": r.get("/versions?project=42", "Authorization: Bearer "+test.token),
					"cookie": r.get("/versions?project=42", nobody, "Cookie: nudge="+test.token),
					"query":  r.get("/versions?project=42&token="+test.token, nobody),
				} {
					if test.code == "" && a.StatusCode != 200 {
						t.Errorf("%s: %d %s", way, a.StatusCode, a.body)
					}
					if test.code != "" {
						isProblem(t, a, test.code)
					}
				}
				tellsNothing(t, r, test.token)
			})
		})
	}
}

// A token that two programs may read in two ways is refused, and so is one that asks for what a gateway does not know.
func TestTokenForm(t *testing.T) {
	const header, claims = `{"alg":"HS256","typ":"JWT"}`, `{"aud":"nudge","exp":4102444800,"subscribe":["42"]}`
	good := signText(header, claims)
	last := strings.LastIndexByte(good, '.')
	for _, test := range []struct {
		name   string
		token  string
		status int
	}{
		{"good", good, 200},
		{"no typ", signText(`{"alg":"HS256"}`, claims), 200},
		{"typ in small letters", signText(`{"alg":"HS256","typ":"jwt"}`, claims), 200},
		{"an access token", signText(`{"alg":"HS256","typ":"at+jwt","kid":"1"}`, claims), 200},
		{"an access token in full", signText(`{"alg":"HS256","typ":"application/at+jwt"}`, claims), 200},
		{"a key of its own", signText(`{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://evil.example","x5u":"https://evil.example","kid":"../../dev/null"}`, claims), 200}, // ignored
		{"a logout token", signText(`{"alg":"HS256","typ":"logout+jwt"}`, claims), 401},
		{"no type", signText(`{"alg":"HS256","typ":7}`, claims), 401},
		{"crit", signText(`{"alg":"HS256","crit":["exp"],"exp":1}`, claims), 401},
		{"crit of nothing", signText(`{"alg":"HS256","crit":[]}`, claims), 401},
		{"b64 false", signText(`{"alg":"HS256","b64":false,"crit":["b64"]}`, claims), 401},
		{"b64 false without crit", signText(`{"alg":"HS256","b64":false}`, claims), 401},
		{"two algorithms", signText(`{"alg":"none","alg":"HS256"}`, claims), 401},
		{"ALG", signText(`{"ALG":"HS256"}`, claims), 401},
		{"a nested token", signText(`{"alg":"HS256","cty":"JWT"}`, `"`+good+`"`), 401},
		{"a list of claims", signText(header, "["+claims+"]"), 401},
		{"no claims", signText(header, "null"), 401},
		{"claims in capitals", signText(header, `{"AUD":"nudge","EXP":4102444800,"SUBSCRIBE":["42"]}`), 401},
		{"Subscribe", signText(header, `{"aud":"nudge","exp":4102444800,"Subscribe":["42"]}`), 403}, // another claim
		{"a long s", signText(header, `{"aud":"nudge","exp":4102444800,"ſubscribe":["42"]}`), 403},
		{"an escape", signText(header, `{"aud":"nudge","exp":4102444800,"\u0073ubscribe":["42"]}`), 200},
		{"subscribe twice", signText(header, `{"aud":"nudge","exp":4102444800,"subscribe":[],"subscribe":["42"]}`), 401},
		{"subscribe twice, escaped", signText(header, `{"aud":"nudge","exp":4102444800,"subscribe":[],"\u0073ubscribe":["42"]}`), 401},
		{"another claim twice", signText(header, `{"x":1,"aud":"nudge","exp":4102444800,"subscribe":["42"],"x":2}`), 401},
		{"a claim that is no UTF-8", signText(header, `{"aud":"nudge","exp":4102444800,"subscribe":["42"],"sub":"a`+"\xff"+`"}`), 401},
		{"exp huge", signText(header, `{"aud":"nudge","exp":1e400,"subscribe":["42"]}`), 401},
		{"exp negative", signText(header, `{"aud":"nudge","exp":-1,"subscribe":["42"]}`), 401},
		{"two values", signText(header, claims+claims), 401},
		{"deep", signText(header, `{"x":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`,"aud":"nudge","exp":4102444800,"subscribe":["42"]}`), 200},
		{"padding", good + "=", 401},
		{"a bit more in the signature", good[:len(good)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", good[len(good)-1])^1]), 401},
		{"standard base64", good[:last+1] + strings.NewReplacer("-", "+", "_", "/").Replace(good[last+1:]) + "/", 401},
		{"a line break", good[:last+5] + "%0A" + good[last+5:], 401},
		{"four parts", good + ".", 401},
		{"an empty signature", good[:last+1], 401},
		{"zeros for a signature", good[:last+1] + strings.Repeat("A", 43), 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(o *gateway.Options) { o.QueryToken = true }, func(t *testing.T, r *rig) {
				if a := r.get("/versions?project=42&token="+test.token, nobody); a.StatusCode != test.status {
					t.Errorf("%d, not %d: %s", a.StatusCode, test.status, a.body)
				}
			})
		})
	}
}

// With auth.require_subject a token without sub is refused, and the log says why.
func TestRequireSubject(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth.RequireSubject = true }, func(t *testing.T, r *rig) {
		isProblem(t, r.get("/versions?project=42", as("")), "invalid")
		isProblem(t, r.post("/session", "", as("")), "invalid")
		if a := r.get("/versions?project=42", as("ann")); a.StatusCode != 200 {
			t.Error(a.StatusCode)
		}
		if !strings.Contains(r.log.String(), "it has no sub, and auth.require_subject is true") {
			t.Error("the log does not say why")
		}
	})
}

// tellsNothing checks that no line of the log has a part of a token, or a query.
func tellsNothing(t *testing.T, r *rig, tokens ...string) {
	t.Helper()
	log := r.log.String()
	if !strings.Contains(log, "msg=request") {
		t.Error("there is no log to look at")
	}
	for _, token := range append(tokens, anybody) {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 10 && strings.Contains(log, part[:10]) {
				t.Errorf("a token is in the log: %s", log)
			}
		}
	}
	for _, word := range []string{"project=", "token=", "?"} {
		if strings.Contains(log, word) {
			t.Errorf("%s is in the log: %s", word, log)
		}
	}
}

func flip(signature string) string {
	b := []byte(signature)
	b[5] ^= 1
	return string(b)
}

func TestIssuer(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth.Issuer = "app" }, func(t *testing.T, r *rig) {
		for iss, status := range map[any]int{"app": 200, "other": 401, nil: 401} {
			a := r.get("/versions?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"subscribe": "*", "iss": iss}))
			if a.StatusCode != status {
				t.Errorf("iss %v: %d", iss, a.StatusCode)
			}
		}
	})
}

func TestWhereTheTokenIs(t *testing.T) {
	good, bad := anybody, "x.y.z"
	header := func(token string) string { return "Authorization: Bearer " + token }
	own := func(token string) string { return "X-Nudge-Token: " + token }
	cookie := func(token string) string { return "Cookie: nudge=" + token }
	for _, query := range []bool{false, true} {
		bubble(t, func(o *gateway.Options) { o.QueryToken = query }, func(t *testing.T, r *rig) {
			byQuery := map[bool]string{false: "missing", true: ""}[query]
			for _, test := range []struct {
				name    string
				query   string
				headers []string
				code    string
			}{
				{"header before cookie", "", []string{header(good), cookie(bad)}, ""},
				{"a bearer of other software beside a cookie", "", []string{header(bad), cookie(good)}, ""},
				{"a bad bearer beside a bad cookie", "", []string{header(bad), cookie(bad)}, "invalid"},
				{"a bad bearer", "", []string{header(bad)}, "invalid"},
				{"a bad bearer before query", "&token=" + good, []string{header(bad)}, "invalid"},
				{"Basic beside a cookie", "", []string{"Authorization: Basic dTpw", cookie(good)}, ""},
				{"Negotiate beside a cookie", "", []string{"Authorization: Negotiate YII", cookie(good)}, ""},
				{"Basic beside a bad cookie", "", []string{"Authorization: Basic dTpw", cookie(bad)}, "invalid"},
				{"Basic alone", "", []string{"Authorization: Basic dTpw"}, "missing"},
				{"Basic before query", "&token=" + good, []string{"Authorization: Basic dTpw"}, byQuery},
				{"our header", "", []string{nobody, own(good)}, ""},
				{"our header beside Basic", "", []string{"Authorization: Basic dTpw", own(good)}, ""},
				{"our header before a bearer of other software", "", []string{header(bad), own(good)}, ""},
				{"a bad one in our header before all others", "&token=" + good, []string{header(good), cookie(good), own(bad)}, "invalid"},
				{"cookie before query", "&token=" + bad, []string{nobody, cookie(good)}, ""},
				{"bad cookie before query", "&token=" + good, []string{nobody, cookie(bad)}, "invalid"},
				{"all cookies are tried", "", []string{nobody, "Cookie: nudge=" + bad + "; a=b; nudge=" + good}, ""},
				{"all lines of cookies are tried", "", []string{nobody, "Cookie: nudge=" + bad + "; __Host-nudge=" + good}, ""},
				{"no cookie is good", "", []string{nobody, "Cookie: nudge=" + bad + "; nudge=" + bad}, "invalid"},
				{"more cookies than are tried", "", []string{nobody, "Cookie: " + strings.Repeat("nudge="+bad+"; ", 8) + "nudge=" + good}, "invalid"},
				{"another cookie", "", []string{nobody, "Cookie: nudged=" + good}, "missing"},
				{"query", "&token=" + good, []string{nobody}, byQuery},
				{"scheme in small letters", "", []string{"Authorization: bearer  " + good}, ""},
			} {
				a := r.get("/versions?project=42"+test.query, test.headers...)
				if test.code == "" && a.StatusCode != 200 {
					t.Errorf("%s: %d", test.name, a.StatusCode)
				}
				if test.code != "" {
					isProblem(t, a, test.code)
				}
			}
			tellsNothing(t, r)
		})
	}
}

// Another host of the site can set a cookie of the plain name, with a token of its own, and a longer path, so that browsers
// send it first. It cannot set the cookie that a gateway sets over TLS.
func TestSisterSiteForcesNoIdentity(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		victim := sign(jwt.MapClaims{"sub": "victim", "subscribe": "42"})
		attacker := sign(jwt.MapClaims{"sub": "attacker", "subscribe": "trap"})
		set := r.post("/session", "", "Authorization: Bearer "+victim, "Origin: https://gw.example").Cookies()[0]
		both := "Cookie: nudge=" + attacker + "; " + set.Name + "=" + set.Value
		if a := r.get("/versions?project=42", nobody, both); a.StatusCode != 200 {
			t.Errorf("the victim's project: %d", a.StatusCode)
		}
		isProblem(t, r.get("/versions?project=trap", nobody, both), "forbidden")
	})
}

func TestClaims(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		for _, test := range []struct {
			claim   any
			project string
			status  int
		}{
			{"42", "42", 200},
			{"42", "421", 403},
			{"42", "4", 403},
			{[]string{"7", "42"}, "42", 200},
			{"team-*", "team-1", 200},
			{"team-*", "team-", 200},
			{"team-*", "team", 403},
			{"team-*", "Team-1", 403},
			{"*", "x", 200},
			{"", "x", 403},
			{nil, "x", 403},
			{[]string{}, "x", 403},
			{[]string{"a*b", "*x", "!"}, "x", 403},
			{[]string{"a*b", "x"}, "x", 200}, // what is no pattern matches nothing
		} {
			claims := jwt.MapClaims{"subscribe": test.claim, "publish": test.claim}
			token := "Authorization: Bearer " + sign(claims)
			if a := r.get("/versions?project="+test.project, token); a.StatusCode != test.status {
				t.Errorf("subscribe %v for %s: %d", test.claim, test.project, a.StatusCode)
			}
			if a := r.post("/versions", `{"project":"`+test.project+`","version":1}`, token); a.StatusCode != test.status {
				t.Errorf("publish %v for %s: %d", test.claim, test.project, a.StatusCode)
			}
		}
		if a := r.post("/versions", `{"project":"x","version":1}`, as("ann", "*")); a.StatusCode != 403 {
			t.Errorf("a reader publishes: %d", a.StatusCode)
		}
		if a := r.get("/versions?project=42", publisher("*")); a.StatusCode != 403 {
			t.Errorf("a publisher reads: %d", a.StatusCode)
		}
	})
}

// Many frameworks write ids as integers. Whatever else cannot be read is refused, and the log says what to write.
func TestClaimsOfFrameworks(t *testing.T) {
	const claims = `{"aud":"nudge","exp":4102444800.5,`
	bubble(t, nil, func(t *testing.T, r *rig) {
		get := func(project, more string) answer {
			return r.get("/versions?project="+project, "Authorization: Bearer "+signText(`{"alg":"HS256"}`, claims+more+"}"))
		}
		for _, test := range []struct {
			claims, project string
			status          int
		}{
			{`"subscribe":42`, "42", 200},
			{`"subscribe":[42,"team-*"]`, "42", 200},
			{`"subscribe":[42,"team-*"]`, "team-7", 200},
			{`"subscribe":[9007199254740993]`, "9007199254740993", 200}, // a float would make it ...992
			{`"subscribe":[9007199254740993]`, "9007199254740992", 403},
			{`"subscribe":"42","sub":7`, "42", 200},
			{`"subscribe":"42","sub":null,"jti":7`, "42", 200},
		} {
			if a := get(test.project, test.claims); a.StatusCode != test.status {
				t.Errorf("%s for %s: %d", test.claims, test.project, a.StatusCode)
			}
		}
		for _, test := range []struct{ claims, log string }{
			{`"subscribe":42.0`, `error="subscribe has the number 42.0" fix="write project ids and prefixes, such as [\"42\",\"team-*\"]"`},
			{`"subscribe":1e3`, `subscribe has the number 1e3" fix="write`},
			{`"subscribe":["42",true]`, `subscribe has true in its list" fix="write project ids`},
			{`"subscribe":{"42":true}`, `subscribe has an object" fix="write`},
			{`"subscribe":"42","sub":{"id":7}`, `sub has an object" fix="write a string or an integer"`},
			{`"subscribe":"42","iss":7`, `iss has the number 7" fix="write a string"`},
			{`"subscribe":"42","nbf":"soon"`, `nbf has a string" fix="write seconds since 1970"`},
		} {
			time.Sleep(time.Minute) // each reason is logged once a minute
			isProblem(t, get("42", test.claims), "invalid")
			if !strings.Contains(r.log.String(), test.log) {
				t.Errorf("%s: the log does not say %s", test.claims, test.log)
			}
		}
	})
	same := func(o *gateway.Options) { o.Settings.Limits.StreamsPerSubject = 1 }
	bubble(t, same, func(t *testing.T, r *rig) { // 7 and "7" are one subject
		token := func(sub string) string {
			return "Authorization: Bearer " + signText(`{"alg":"HS256"}`, claims+`"subscribe":"42","sub":`+sub+"}")
		}
		r.open("/events?project=42", token("7")).next("hello")
		isProblem(t, r.get("/events?project=42&evict=0", token(`"7"`)), "limit")
	})
}

// One bad client does not hide the reasons of others: each is logged once a minute.
func TestEachReasonIsLogged(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		warnings := func(text string) (n int) {
			for line := range strings.Lines(r.log.String()) {
				if strings.Contains(line, "level=WARN") && strings.Contains(line, text) {
					n++
				}
			}
			return n
		}
		for range 50 {
			r.get("/versions?project=42", "Authorization: Bearer x.y.z")
			r.get("/versions?project=42", "Authorization: Bearer "+signWith(jwt.SigningMethodHS256, []byte("another"), nil))
		}
		r.get("/versions?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"aud": "app"}))
		for text, want := range map[string]int{"a token is not accepted": 3, "its signature is not by auth.secret": 1, "its aud is": 1} {
			if n := warnings(text); n != want {
				t.Errorf("%q is logged %d times, want %d", text, n, want)
			}
		}
		time.Sleep(time.Minute)
		r.get("/versions?project=42", "Authorization: Bearer x.y.z")
		if n := warnings("a token is not accepted"); n != 4 {
			t.Errorf("a minute later: %d", n)
		}
		for range 30 { // a page that nobody closes
			time.Sleep(time.Minute)
			r.get("/versions?project=42", "Authorization: Bearer x.y.z")
		}
		if n := warnings("check=form"); n != 3 || warnings("times=10\n") != 1 {
			t.Errorf("half an hour later: %d\n%s", n, r.log)
		}
	})
}

func TestPercentNeedsASubject(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Flag.Percent = 99 }, func(t *testing.T, r *rig) {
		if a := r.get("/events?project=42"); a.StatusCode != 204 {
			t.Errorf("without a subject: %d", a.StatusCode)
		}
		in := 0
		for i := range 50 {
			if r.get("/poll-interval?project=42", as(strings.Repeat("x", i+1))).json(t)["push"] == "healthy" {
				in++
			}
		}
		if in < 45 {
			t.Errorf("%d of 50 subjects are in at 99 percent", in)
		}
	})
}

// Nothing that was ever asked may come out in the log, whatever became of it.
func TestLogTellsNothing(t *testing.T) {
	bubble(t, func(o *gateway.Options) {
		o.QueryToken = true
		o.Settings.Limits.StreamsPerSubject = 1
	}, func(t *testing.T, r *rig) {
		tokens := []string{sign(jwt.MapClaims{"sub": "s", "subscribe": "*", "publish": "*"}), "rubbish-that-is-no-token.a.b", sign(jwt.MapClaims{"exp": 1})}
		for _, token := range tokens {
			for _, path := range []string{
				"/events?project=42", "/events?project=!" + token, "/versions?project=42&wait=" + token,
				"/versions?project=42&wait=1s", "/poll-interval?project=42", "/nowhere?project=1",
			} {
				for _, how := range [][]string{{"Authorization: Bearer " + token}, {nobody, "Cookie: nudge=" + token}, {nobody}} {
					if !strings.HasPrefix(path, "/events?project=42") {
						r.get(path+"&token="+token, how...)
						continue
					}
					resp, err := r.client.Do(r.request(t.Context(), "GET", path+"&token="+token, "", how...))
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
				}
			}
			for _, path := range []string{"/versions", "/missed", "/shadow", "/session", "/versions?token=" + token} {
				r.post(path, `{"project":"42","version":1}`, "Authorization: Bearer "+token)
				r.post(path, `{"project":"`+token+`","version":"`+token+`"}`, "Authorization: Bearer "+token)
			}
		}
		tellsNothing(t, r, tokens...)
	})
}
