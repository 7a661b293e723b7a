package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// far is a time that no test reaches, neither in bubbles, which begin in 2000, nor outside.
var far = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// anybody may subscribe to everything, and publish everything.
var anybody = sign(jwt.MapClaims{"subscribe": "*", "publish": "*"})

// sign makes a token with the secret, aud and exp filled in unless the claims have them; nil takes one out.
func sign(claims jwt.MapClaims) string {
	return signWith(jwt.SigningMethodHS256, []byte(secret), claims)
}

func signWith(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	all := jwt.MapClaims{"aud": "nudge", "exp": far.Unix()}
	for name, value := range claims {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	text, err := jwt.NewWithClaims(method, all).SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// signText signs header and claims as they are written.
func signText(header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// as is the header with the token of a subject who may subscribe to these projects.
func as(subject string, subscribe ...string) string {
	if len(subscribe) == 0 {
		subscribe = []string{"*"}
	}
	return "Authorization: Bearer " + sign(jwt.MapClaims{"sub": subject, "subscribe": subscribe})
}

// nobody takes the token away.
const nobody = "Authorization: "

// publisher is the header with a token that may publish these, and subscribe to nothing.
func publisher(publish ...string) string {
	return "Authorization: Bearer " + sign(jwt.MapClaims{"publish": publish})
}
