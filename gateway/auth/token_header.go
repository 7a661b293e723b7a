package auth

import (
	"encoding/json"
	"strings"
)

// header is the header of a token.
type header struct {
	text      []byte
	Algorithm string
	Key       string // "kid"
}

// checkHeader reads the header. It refuses what the gateway does not know, and what two programs may read in two ways. Keys that
// the token brings along (jwk, jku, x5c, x5u) have no meaning.
func (v *Verifier) checkHeader(x *examined) *fault {
	const fix = "sign with an ordinary header, such as {\"alg\":\"HS256\",\"typ\":\"JWT\"}"
	if !json.Valid(x.header.text) {
		return wrong("its header is not JSON", fix)
	}
	all, err := members(x.header.text)
	if err != nil {
		return wrong("its header: %v", fix, err)
	}
	for _, m := range all {
		value := claim(m)
		switch string(m.name) {
		case "alg":
			x.header.Algorithm, err = value.text(false, "the name of an algorithm")
		case "kid":
			x.header.Key, err = value.text(false, "the name of a key")
		case "crit":
			return wrong("its header has crit, and Nudge knows no extension that is critical", "leave crit out")
		case "b64":
			return wrong("its header has b64", "sign the payload as base64url, without b64")
		case "typ":
			if f := checkType(m.value); f != nil {
				return f
			}
		}
		if err != nil {
			return wrong("its header: %v", fix, err)
		}
	}
	return nil
}

// checkType refuses a token that says it is something else than an access token, such as an ID token or a logout token.
func checkType(raw json.RawMessage) *fault {
	const fix = "leave typ out, or write JWT or at+jwt"
	var typ string
	if err := json.Unmarshal(raw, &typ); err != nil {
		return wrong("its typ is no string", fix)
	}
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "jwt", "at+jwt":
		return nil
	}
	return wrong("its typ is %.40q, so it is another kind of token", fix, typ)
}
