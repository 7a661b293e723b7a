package gateway_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"nudge/gateway"
	"nudge/version"
)

// ways are the ways in which a stream can be served. What it says must not depend on them.
var ways = []struct {
	name      string
	transport http.RoundTripper
	listener  func(net.Listener) net.Listener
	parked    bool
}{
	{"parked", &http.Transport{DisableCompression: true}, func(l net.Listener) net.Listener { return l }, parks},
	{"goroutine over HTTP/1.1", &http.Transport{DisableCompression: true}, func(l net.Listener) net.Listener { return bare{l} }, false},
	{"goroutine over HTTP/2", h2c(), func(l net.Listener) net.Listener { return l }, false},
}

// stories are what a stream can live through, each with the settings that it needs.
var stories = map[string]struct {
	change func(*gateway.Settings)
	tell   func(*testing.T, *rig)
}{
	"news of several projects, a reset, a gap": {nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42&project=7")
		if h := s.next("hello"); cmp.Diff(h["unknown"], []any{"42", "7"}) != "" || cmp.Diff(h["versions"], object{}) != "" {
			t.Fatal(h)
		}
		r.news("42@5", "7@3")
		seen := map[any]any{}
		for range 2 { // in either order: they are two projects
			e := s.version()
			seen[e["project"]] = e["version"]
		}
		if seen["42"] != 5.0 || seen["7"] != 3.0 {
			t.Error(seen)
		}
		r.news("42@4", "42@6") // the first is not news
		if e := s.version(); e["project"] != "42" || e["version"] != 6.0 || e["reset"] != nil {
			t.Error(e)
		}
		r.publish(version.News{Project: mark(t, "42").Project, Version: 2, Reset: true})
		if e := s.version(); e["version"] != 2.0 || e["reset"] != true {
			t.Error(e)
		}
		r.source.board.Gap()
		for _, id := range []string{"42", "7"} {
			r.source.board.Confirm(mark(t, id).Project, version.Key{}, 99)
		}
		for h := s.find("hello").json(t); cmp.Diff(h["unknown"], []any{"42", "7"}) != ""; { // one for each, or one for both
			h = s.find("hello").json(t)
		}
		r.news("42@9")
		if e := s.version(); e["version"] != 9.0 {
			t.Error(e)
		}
	}},
	"the flag and the token's projects": {func(s *gateway.Settings) { s.Flag.Exclude, s.Flag.Ramp = []string{"7"}, 0 }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42&project=7&project=9", as("ann", "42", "7"))
		h := s.next("hello")
		if cmp.Diff([]any{h["unknown"], h["off"], h["denied"]}, []any{[]any{"42"}, []any{"7"}, []any{"9"}}) != "" {
			t.Fatal(h)
		}
		r.news("7@1", "9@1", "42@1")
		if e := s.version(); e["project"] != "42" {
			t.Error(e)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Exclude = nil })
		want := []any{object{"42": 1.0, "7": 1.0}, []any{}, []any{"9"}}
		for got := []any(nil); cmp.Diff(got, want) != ""; { // waiting first, perhaps
			h := s.find("hello").json(t)
			got = []any{h["versions"], h["off"], h["denied"]}
		}
		r.news("7@2")
		if e := s.version(); e["project"] != "7" {
			t.Error(e)
		}
		r.apply(func(s *gateway.Settings) { s.Flag.Enabled = false })
		s.bids("off")
	}},
	"heartbeats, and a change of the push state": {func(s *gateway.Settings) { s.Policy.Heartbeat = 200 * time.Millisecond }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		for range 5 {
			if e := s.next("heartbeat"); e["push"] != "healthy" || e["heartbeat_ms"] != 200.0 {
				t.Fatal(e)
			}
		}
		r.source.silent.Store(true)
		for push := any("healthy"); push != "down"; {
			push = s.next("heartbeat")["push"]
		}
	}},
	"tokens revoked": {nil, func(t *testing.T, r *rig) {
		token := func(id, subject string, issued time.Time) string {
			return "Authorization: Bearer " + sign(jwt.MapClaims{"jti": id, "sub": subject, "iat": issued.Unix(), "subscribe": "*", "publish": "*"})
		}
		now := time.Now()
		ann1, ann2, bob := token("1", "ann", now), token("2", "ann", now), token("3", "bob", now.Add(-time.Hour))
		open := func(token string) *tap {
			s := r.open("/events?project=42&project=7", token)
			s.next("hello")
			return s
		}
		a, b, c := open(ann1), open(ann2), open(bob)
		revoke := func(rev gateway.Revocation) {
			rev.Until = now.Add(time.Hour)
			if err := r.Revoke(rev); err != nil {
				t.Fatal(err)
			}
		}
		alive := func(v int, taps ...*tap) {
			r.news(fmt.Sprintf("42@%d", v))
			for _, s := range taps {
				if e := s.version(); e["version"] != float64(v) {
					t.Errorf("%v, want %d", e, v)
				}
			}
		}
		revoke(gateway.Revocation{ID: "1"})
		a.bids("revoked")
		alive(1, b, c)
		for _, request := range []answer{r.get("/events?project=42", ann1), r.post("/versions", `{"project":"42","version":1}`, ann1), r.post("/session", "", ann1)} {
			isProblem(t, request, "invalid")
		}

		revoke(gateway.Revocation{Subject: "ann", Project: mark(t, "7").Project})
		if h := b.find("hello").json(t); cmp.Diff([]any{h["denied"], h["versions"]}, []any{[]any{"7"}, object{"42": 1.0}}) != "" {
			t.Error(h)
		}
		alive(2, b, c)
		isProblem(t, r.get("/events?project=7", ann2), "forbidden")
		isProblem(t, r.post("/versions", `{"project":"7","version":1}`, ann2), "forbidden")
		revoke(gateway.Revocation{Subject: "ann", Project: mark(t, "42").Project}) // the last one left
		b.bids("revoked")

		revoke(gateway.Revocation{Before: now.Add(-time.Minute)})
		c.bids("revoked")
		isProblem(t, r.get("/events?project=42", bob), "invalid")
		alive(3, open(token("4", "bob", now)))
		if n := r.closed("revoked"); n != 3 {
			t.Errorf("%v streams counted as revoked", n)
		}
	}},
	"a token that expires": {func(s *gateway.Settings) { s.Auth.Leeway = 0 }, func(t *testing.T, r *rig) {
		var short *tap
		for range 10 { // on a busy machine a token may expire on its way
			if short, _ = r.tryOpen("/events?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"subscribe": "*", "exp": time.Now().Add(3 * time.Second).Unix()})); short != nil {
				break
			}
		}
		if short == nil {
			t.Fatal("a token for 3 s opens no stream")
		}
		if h := short.next("hello"); h["token_expires_in_s"].(float64) > 3 {
			t.Error(h)
		}
		const year2300 = 10_413_792_000
		long := r.open("/events?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"subscribe": "*", "exp": year2300}))
		if h := long.next("hello"); h["token_expires_in_s"].(float64) < 1e9 {
			t.Error(h)
		}
		short.bids("expired")
		r.news("42@1")
		if e := long.version(); e["version"] != 1.0 {
			t.Error(e)
		}
	}},
	"age": {func(s *gateway.Settings) { s.Limits.StreamAge = time.Second }, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		s.bids("rotate")
	}},
	"a drain": {nil, func(t *testing.T, r *rig) {
		s := r.open("/events?project=42")
		s.next("hello")
		drained := r.drains()
		s.bids("drain")
		<-drained
	}},
}

// version is the next version event; heartbeats in between do not matter.
func (p *tap) version() object {
	p.t.Helper()
	return p.find("version").json(p.t)
}

// bids wants a goodbye for this reason, and then the end.
func (p *tap) bids(reason string) {
	p.t.Helper()
	if g := p.find("goodbye").json(p.t); g["reason"] != reason {
		p.t.Errorf("goodbye %v, want %s", g, reason)
	}
	if e, ok := <-p.events; ok {
		p.t.Errorf("%s %s after the goodbye", e.Type, e.Data)
	}
}

func TestConformance(t *testing.T) {
	for name, story := range stories {
		for _, way := range ways {
			t.Run(name+", "+way.name, func(t *testing.T) {
				t.Parallel()
				r := wireOn(t, func(o *gateway.Options) {
					o.DrainDelay, o.DrainWindow = 0, 0
					if story.change != nil {
						story.change(&o.Settings)
					}
				}, way.listener)
				r.client = client(t, r.documented(way.transport))
				r.client.Timeout = patience // ends a stream on which nothing comes, and so the wait for it
				probe := r.open("/events?project=probe")
				if chunked := len(probe.resp.TransferEncoding) > 0; way.parked == (chunked || probe.resp.ProtoMajor == 2) {
					t.Fatalf("%s with %v is not %s", probe.resp.Proto, probe.resp.TransferEncoding, way.name)
				}
				probe.leave()
				for deadline := time.Now().Add(patience); r.streams() > 0 && time.Now().Before(deadline); { // or a story counts its end
					time.Sleep(time.Millisecond)
				}
				story.tell(t, r)
			})
		}
	}
}

func TestTokenRevokedWhileItsStreamOpens(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.whileAdmitting(func() {
			if err := r.Revoke(gateway.Revocation{Subject: "ann", Until: time.Now().Add(time.Hour)}); err != nil {
				t.Error(err)
			}
			synctest.Wait() // until the open streams are checked
		})
		if g := r.open("/events?project=42", as("ann")).next("goodbye"); g["reason"] != "revoked" {
			t.Error(g)
		}
	})
}

// Where everybody may subscribe there are no tokens to take back.
func TestRevocationOfAnOpenGateway(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			r := wireOn(t, func(o *gateway.Options) { o.Settings.Auth.Open = true }, way.listener)
			r.client = client(t, r.documented(way.transport))
			r.client.Timeout = patience
			s := r.open("/events?project=42", nobody)
			s.next("hello")
			if err := r.Revoke(gateway.Revocation{Before: time.Now().Add(time.Minute), Until: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			r.open("/events?project=42", nobody).next("hello") // after the scan was begun
			r.news("42@1")
			if e := s.version(); e["version"] != 1.0 {
				t.Error(e)
			}
		})
	}
}

func TestRevocationNeedsSomething(t *testing.T) {
	r := wire(t, nil)
	until := time.Now().Add(time.Hour)
	for name, rev := range map[string]gateway.Revocation{
		"nothing":                     {Until: until},
		"a project alone":             {Project: mark(t, "42").Project, Before: until, Until: until},
		"an id and a project":         {ID: "1", Subject: "ann", Project: mark(t, "42").Project, Until: until},
		"something until no time yet": {ID: "1"},
	} {
		if err := r.Revoke(rev); err == nil {
			t.Errorf("%s is revoked", name)
		}
	}
	// What is over is forgotten, and what nobody took back works.
	if err := r.Revoke(gateway.Revocation{Subject: "ann", Until: time.Now().Add(-time.Second)}); err != nil {
		t.Fatal(err)
	}
	if err := r.Revoke(gateway.Revocation{Subject: "bob", Until: until}); err != nil {
		t.Fatal(err)
	}
	r.open("/events?project=42", as("ann")).next("hello")
	r.apply(func(*gateway.Settings) {}) // new settings keep what was revoked
	isProblem(t, r.get("/events?project=42", as("bob")), "invalid")
}
