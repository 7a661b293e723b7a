package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
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
