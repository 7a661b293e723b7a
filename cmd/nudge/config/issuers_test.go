package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One list is read alike from the file and from the variable.
func TestIssuers(t *testing.T) {
	want := []Issuer{
		{Issuer: "https://login.example.com/", JWKS: "https://login.example.com/keys", Projects: []string{"team-*"}},
		{Issuer: "tenant", Secret: goodSecret, Audience: "app", Projects: []string{"42", "7"}},
	}
	path := t.TempDir() + "/config.yaml"
	writeFile(t, path, `
auth:
  issuers:
    - issuer: https://login.example.com/
      jwks: https://login.example.com/keys
      projects: ["team-*"]
    - {issuer: tenant, secret: `+goodSecret+`, audience: app, projects: ["42", "7"]}
`)
	loaded, err := Loader{Path: path, Purpose: ForServing}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, loaded.Config.Auth.Issuers); diff != "" {
		t.Error(diff)
	}
	var printed bytes.Buffer
	if err := loaded.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(printed.String(), goodSecret) || !strings.Contains(printed.String(), "      secret: '"+masked+"'") {
		t.Errorf("%s", printed.String())
	}
	writeFile(t, path, strings.ReplaceAll(printed.String(), "'"+masked+"'", goodSecret)) // what is printed can be read
	if again, err := (Loader{Path: path}).Load(); err != nil || !cmp.Equal(want, again.Config.Auth.Issuers) {
		t.Errorf("%v\n%s", err, printed.String())
	}
	for _, text := range []string{
		`[{"issuer":"https://login.example.com/","jwks":"https://login.example.com/keys","projects":["team-*"]},` +
			`{"issuer":"tenant","secret":"` + goodSecret + `","audience":"app","projects":["42","7"]}]`,
		"- {issuer: https://login.example.com/, jwks: 'https://login.example.com/keys', projects: ['team-*']}\n" +
			"- {issuer: tenant, secret: " + goodSecret + ", audience: app, projects: ['42', '7']}\n",
	} {
		t.Setenv("NUDGE_AUTH_ISSUERS", text)
		loaded, err := Loader{Path: path}.Load()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, loaded.Config.Auth.Issuers); diff != "" {
			t.Error(diff)
		}
	}
	t.Setenv("NUDGE_AUTH_ISSUERS", "")
	if loaded, err := (Loader{Path: path}).Load(); err != nil || len(loaded.Config.Auth.Issuers) != 0 {
		t.Error("an empty variable is not an empty list:", err)
	}
}

func TestIssuersRefused(t *testing.T) {
	for text, want := range map[string]string{
		"issuers: x":                                "is no list; write a line with - for each issuer",
		"issuers: [x]":                              "entry 1: has no keys; write issuer:, jwks: or secret:, and projects: below it",
		"issuers: [{iss: a}]":                       "entry 1: iss is no key of an issuer; the keys are issuer, secret, jwks, audience, projects",
		"issuers: [{issuer: a, issuer: b}]":         "entry 1: issuer is given twice; keep one",
		"issuers: [{issuer: 7}]":                    `entry 1: issuer 7 is a number, not text; write "7"`,
		"issuers: [{issuer: a, secret: 123}]":       "entry 1: secret ******** is a number, not text; put it in quotes",
		"issuers: [{issuer: a, projects: team-*}]":  `entry 1: projects team-* is not a list; write ["team-*"]`,
		"issuers: [{issuer: a, projects: [42, 7]}]": "entry 1: projects 42 is a number, not text",
	} {
		path := t.TempDir() + "/config.yaml"
		writeFile(t, path, "auth:\n  "+text+"\n")
		if _, err := (Loader{Path: path}).Load(); err == nil || !strings.Contains(err.Error(), ":2: auth.issuers: "+want) {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{":           "NUDGE_AUTH_ISSUERS: auth.issuers: is neither JSON nor YAML; write a list, such as",
		"[{iss: a}]":  "NUDGE_AUTH_ISSUERS: auth.issuers: entry 1: iss is no key",
		"[]\n---\n[]": "NUDGE_AUTH_ISSUERS: auth.issuers: is neither",
	} {
		t.Setenv("NUDGE_AUTH_ISSUERS", text)
		if _, err := (Loader{}).Load(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSecretBytes(t *testing.T) {
	for text, want := range map[string]string{
		"text": "text", "base64:aGk=": "hi", "base64:aGk": "hi", "base64:-_-_": "\xfb\xff\xbf", "base64:+/+/": "\xfb\xff\xbf",
	} {
		if got, err := SecretBytes(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
}
