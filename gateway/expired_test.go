package gateway_test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nudge/gateway"
)

func TestStreamsEndWithTheirTokens(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		begun := time.Now()
		token := "Authorization: Bearer " + sign(jwt.MapClaims{"subscribe": "*", "iat": begun.Unix(), "exp": begun.Add(1000 * time.Second).Unix()})
		var all []*tap
		for range 100 {
			all = append(all, r.open("/events?project=42", token))
		}
		if got := all[0].next("hello")["token_expires_in_s"]; got != 1000.0 {
			t.Errorf("token_expires_in_s %v", got)
		}
		time.Sleep(300 * time.Second)
		if got := r.open("/events?project=42", token).next("hello")["token_expires_in_s"]; got != 700.0 {
			t.Errorf("token_expires_in_s %v", got)
		}
		time.Sleep(700 * time.Second)
		var counts [4]int
		at := farewells(t, all, "expired")
		for _, when := range at {
			i := int(when.Sub(begun.Add(800*time.Second)) / (50 * time.Second))
			if when.Equal(begun.Add(1000 * time.Second)) {
				i = 3 // at the end, and not after it
			}
			if i < 0 || i > 3 {
				t.Fatalf("after %v", when.Sub(begun))
			}
			counts[i]++
		}
		if len(at) != 100 {
			t.Errorf("%d goodbyes", len(at))
		}
		for _, n := range counts {
			if n < 10 {
				t.Errorf("not spread over the last fifth: %v", counts)
			}
		}
		if a := r.get("/versions?project=42", token); a.StatusCode != 200 {
			t.Errorf("within the leeway: %d", a.StatusCode)
		}
		late := r.open("/events?project=42", token)
		if got := late.next("hello")["token_expires_in_s"]; got != 0.0 {
			t.Errorf("token_expires_in_s %v", got)
		}
		e := late.find("goodbye")
		if lived := e.at.Sub(begun.Add(1000 * time.Second)); lived < 15*time.Second || lived > 30*time.Second || e.json(t)["reason"] != "expired" {
			t.Errorf("a stream within the leeway ended after %v: %s", lived, e.Data)
		}
	})
}

// The end of a token does not wait for the hello.
func TestExpiresWhileWaiting(t *testing.T) {
	bubble(t, func(o *gateway.Options) { o.Settings.Auth.Leeway = 0 }, func(t *testing.T, r *rig) {
		deaf(r.source)
		begun := time.Now()
		s := r.open("/events?project=42", "Authorization: Bearer "+sign(jwt.MapClaims{"subscribe": "*", "exp": begun.Add(time.Second).Unix()}))
		e := s.find("goodbye")
		if lived := e.at.Sub(begun); lived > time.Second || lived < 500*time.Millisecond {
			t.Errorf("after %v", lived)
		}
	})
}
