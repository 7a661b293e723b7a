package auth

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func FuzzToken(f *testing.F) {
	v := NewVerifier(Settings{Secret: "secret", Audience: "nudge"}, Places{}, nil, slog.New(slog.DiscardHandler))
	// The fuzzer's processes must have the same one, whenever each of them began.
	expires := time.Now().Truncate(24 * time.Hour).Add(48 * time.Hour)
	good, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"aud": "nudge", "exp": expires.Unix()}).
		SignedString([]byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	if _, err := v.Verify(good, Revocations{}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"Bearer " + good, "Bearer", "bearer x.y.z", "Bearer  ..", " ", "Bearer " + good + ".", "Basic eDp5", "Bearer \x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		token := HeaderToken(r)
		who, err := v.Verify(token, Revocations{})
		if (who == nil) == (err == nil) {
			t.Fatalf("%v and %v", who, err)
		}
		if err == nil && token != good {
			t.Fatalf("believes %q", header)
		}
		if err != nil && err != ErrExpired && err != ErrInvalid {
			t.Fatalf("%v", err)
		}
	})
}

// BenchmarkVerify is what a token costs in a connect: the first time, and again.
func BenchmarkVerify(b *testing.B) {
	const secret = "a secret of at least thirty-two bytes"
	for method, signed := range signers(b, secret) {
		token := signed.sign(b, nil)
		for _, again := range []bool{false, true} {
			b.Run(method+map[bool]string{false: "/new", true: "/again"}[again], func(b *testing.B) {
				v := signed.verifier
				b.ReportAllocs()
				for b.Loop() {
					if !again {
						v.known.now = nil
					}
					if _, err := v.Verify(token, Revocations{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
