package token_test

import (
	"strings"
	"testing"
	"time"

	"nudge/clients/go/token"
	"nudge/internal/secrettest"
)

// clients/conformance shows that gateways take the tokens.
func TestWrongArguments(t *testing.T) {
	t.Parallel()
	good := token.Signer{Secret: []byte("a secret for tests, which is long enough")}
	for want, sign := range map[string]func() (string, error){
		"the secret has 5 bytes": func() (string, error) { return token.Signer{Secret: []byte("short")}.For("7", nil, time.Hour, nil) },
		"the user is empty":      func() (string, error) { return good.For("", nil, time.Hour, nil) },
		"a life of 0s":           func() (string, error) { return good.For("7", nil, 0, nil) },
		"projects: ":             func() (string, error) { return good.For("7", []string{"größe"}, time.Hour, nil) },
	} {
		if _, err := sign(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if text, err := good.For("7", []string{"42", "team-*"}, time.Hour, map[string]any{"jti": "1"}); err != nil || strings.Count(text, ".") != 2 {
		t.Errorf("%q, %v", text, err)
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"text": "text", "base64:aGk=": "hi", "base64:aGk": "hi", "base64:-_-_": "\xfb\xff\xbf", "base64:+/+/": "\xfb\xff\xbf",
	} {
		if got, err := token.Key(text); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	if _, err := token.Key("base64:" + secrettest.Marker + "!"); err == nil || secrettest.Find(err.Error()) != "" {
		t.Errorf("no base64: %v", err)
	}
}
