package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
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

// member is a member of a JSON object.
type member struct {
	name  []byte
	value json.RawMessage
}

// members returns the members of a JSON object in UTF-8; text must be JSON. A name that comes twice is an error: other programs may take the
// other value. It scans by itself, since encoding/json's decoder would triple the cost of a token.
func members(text []byte) ([]member, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	text = bytes.Trim(text, jsonSpace)
	if text[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	all := make([]member, 0, 12)
	for rest := bytes.TrimLeft(text[1:], jsonSpace); rest[0] != '}'; {
		name, after := cutValue(rest)
		after = bytes.TrimLeft(after, jsonSpace)
		value, after := cutValue(bytes.TrimLeft(after[1:], jsonSpace)) // after the colon
		if bytes.IndexByte(name, '\\') < 0 {
			name = name[1 : len(name)-1]
		} else {
			var plain string
			if err := json.Unmarshal(name, &plain); err != nil {
				return nil, err
			}
			name = []byte(plain)
		}
		all = append(all, member{name, value})
		rest = bytes.TrimLeft(after, jsonSpace)
		if rest[0] == ',' {
			rest = bytes.TrimLeft(rest[1:], jsonSpace)
		}
	}
	return all, twice(all)
}

const jsonSpace = " \t\r\n"

// twice reports a name that comes twice.
func twice(all []member) error {
	if len(all) <= 16 {
		for i, m := range all {
			if slices.ContainsFunc(all[:i], func(o member) bool { return bytes.Equal(o.name, m.name) }) {
				return fmt.Errorf("%.40q is there twice", m.name)
			}
		}
		return nil
	}
	seen := make(map[string]struct{}, len(all))
	for _, m := range all {
		if _, found := seen[string(m.name)]; found {
			return fmt.Errorf("%.40q is there twice", m.name)
		}
		seen[string(m.name)] = struct{}{}
	}
	return nil
}

// cutValue cuts the first value off valid JSON without white space before it.
func cutValue(text []byte) (value, rest []byte) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 { // of the object around a number or a word
				return text[:i], text[i:]
			}
			if depth--; depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case depth == 0 && (c == ',' || c == ':' || strings.IndexByte(jsonSpace, c) >= 0):
			return text[:i], text[i:]
		}
	}
	return text, nil
}
