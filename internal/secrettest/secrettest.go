// Package secrettest finds tokens, cookies, secrets and passwords in what the tests make Nudge write: logs, answers, pages,
// dumps. The tests of all packages use it.
package secrettest

import (
	"regexp"
	"strings"
	"testing"
)

// Marker is part of the secrets and passwords of the tests, so that they are found wherever they end up.
const Marker = "hunter2"

// token finds the beginning of a token: {" in base64, and some bytes more.
var token = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{7,}`)

// Find returns the first secret in a text, with what is around it; "": there is none.
func Find(text string) string {
	at := strings.Index(text, Marker)
	if found := token.FindStringIndex(text); found != nil {
		at = found[0]
	}
	if at < 0 {
		return ""
	}
	return text[max(0, at-200):min(len(text), at+40)]
}

// Check fails a test that has made Nudge write a secret.
func Check(t testing.TB, what, text string) {
	t.Helper()
	if found := Find(text); found != "" {
		t.Errorf("a secret is in %s: …%s…", what, found)
	}
}
