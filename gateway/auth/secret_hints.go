package auth

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/golang-jwt/jwt/v5"
)

// whatToTry says how to make the signature good. It finds out whether the two sides read one secret in two ways. It verifies the
// token a dozen times, so it is for tokens that somebody will read about.
func whatToTry(method jwt.SigningMethod, x *examined) string {
	for _, c := range x.candidates {
		if c.signer.set != nil {
			continue
		}
		for _, key := range c.keys {
			for _, other := range otherReadings(string(key.([]byte))) {
				if method.Verify(x.signed, x.signature, []byte(other.key)) == nil {
					return other.meaning
				}
			}
		}
	}
	if x.candidates[0].signer.set != nil {
		return "see that auth.jwks is that of the signer, and that nothing changes the token on its way"
	}
	return "give the same secret to the application and to all gateways, and see that nothing changes the token on its way"
}

type reading struct{ key, meaning string }

// otherReadings returns the keys that another program may make of the same secret.
func otherReadings(secret string) (all []reading) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := e.DecodeString(secret); err == nil && len(b) > 0 {
			all = append(all, reading{string(b), "the application decodes the secret from base64: write base64: before it in the gateway's configuration"})
		}
		all = append(all, reading{
			e.EncodeToString([]byte(secret)),
			"the application signs with the text, without decoding it from base64: remove base64: in the gateway's configuration, or let the application decode it",
		})
	}
	if b, err := hex.DecodeString(secret); err == nil && len(b) > 0 {
		all = append(all, reading{string(b), "the application decodes the secret from hexadecimal digits: let it use the text, or write its bytes as base64:… in the gateway's configuration"})
	}
	return append(all,
		reading{hex.EncodeToString([]byte(secret)), "the application signs with the secret in hexadecimal digits: write these in the gateway's configuration, without base64:"},
		reading{secret + "\n", "the application's secret ends with a line break: remove it there, for example with printf instead of echo"},
		reading{`"` + secret + `"`, "the application's secret has quotes around it: remove them there"},
		reading{"base64:" + secret, "the application signs with the text after auth.secret, base64: included: let it decode what follows base64:"},
		reading{"base64:" + base64.StdEncoding.EncodeToString([]byte(secret)), "the application does not know that base64: stands for bytes: let it decode what follows base64:"},
	)
}
