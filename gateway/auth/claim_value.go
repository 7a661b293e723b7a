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

// claim is one claim as the token has it. Its methods read it as applications write it: many frameworks have integers for
// ids. null is a claim that is missing. Plain values are read without a decoder, which would be most of the cost of a token.
type claim struct {
	name  []byte
	value json.RawMessage
}

// claimError says what a claim has, and what to write.
type claimError struct{ has, want string }

func (e *claimError) Error() string { return e.has + "; write " + e.want }

// refuse says what the claim has, and what to write.
func (c claim) refuse(value json.RawMessage, place, want string) error {
	has := map[byte]string{'{': "an object", '[': "a list", 't': "true", 'f': "false", 'n': "null", '"': "a string"}[value[0]]
	if has == "" {
		has = fmt.Sprintf("the number %.30s", value)
	}
	return &claimError{fmt.Sprintf("%.100s has %s%s", c.name, has, place), want}
}

func (c claim) missing() bool { return c.value[0] == 'n' }

// text reads a string, or an integer if these are allowed.
func (c claim) text(integers bool, want string) (string, error) {
	if c.missing() {
		return "", nil
	}
	text, ok := readText(c.value, integers)
	if !ok {
		return "", c.refuse(c.value, "", want)
	}
	return text, nil
}

// texts reads a list of them, or a single one.
func (c claim) texts(integers bool, want string) ([]string, error) {
	if c.missing() {
		return nil, nil
	}
	if text, ok := readText(c.value, integers); ok {
		return []string{text}, nil
	}
	var list []json.RawMessage
	if c.value[0] != '[' || json.Unmarshal(c.value, &list) != nil {
		return nil, c.refuse(c.value, "", want)
	}
	texts := make([]string, len(list))
	for i, value := range list {
		text, ok := readText(value, integers)
		if !ok {
			return nil, c.refuse(value, " in its list", want)
		}
		texts[i] = text
	}
	return texts, nil
}

// number reads a number, or a string that holds one.
func (c claim) number() (n json.Number, err error) {
	switch first := c.value[0]; {
	case c.missing():
		return "", nil
	case first == '-' || '0' <= first && first <= '9':
		return json.Number(c.value), nil
	}
	if json.Unmarshal(c.value, &n) != nil {
		return "", c.refuse(c.value, "", "seconds since 1970")
	}
	return n, nil
}

// readText reads a string. An integer is the text of its digits: a float would change large ones.
func readText(value json.RawMessage, integers bool) (text string, ok bool) {
	switch {
	case value[0] != '"':
		return string(value), integers && len(bytes.Trim(value, "-0123456789")) == 0
	case bytes.IndexByte(value, '\\') < 0:
		return string(value[1 : len(value)-1]), true
	}
	return text, json.Unmarshal(value, &text) == nil
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

// twice reports a name that comes twice. It sorts the members by name.
func twice(all []member) error {
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	for i := 1; i < len(all); i++ {
		if bytes.Equal(all[i-1].name, all[i].name) {
			return fmt.Errorf("%.40q is there twice", all[i].name)
		}
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
