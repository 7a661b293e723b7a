package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Issuer is an entry of auth.issuers: one of several who sign tokens.
type Issuer struct {
	Issuer   string   `mapstructure:"issuer"` // the iss of its tokens
	Secret   string   `mapstructure:"secret" secret:"true"`
	JWKS     string   `mapstructure:"jwks"`
	Audience string   `mapstructure:"audience"` // "": auth.audience
	Projects []string `mapstructure:"projects"` // patterns; its tokens reach no others
}

var (
	issuersType = reflect.TypeFor[[]Issuer]()
	issuerKeys  = settingsOf(reflect.TypeFor[Issuer](), "", nil)
)

// parseIssuers reads the entries from a variable: YAML, and so JSON.
func parseIssuers(text string) (any, string) {
	const fix = `; write a list, such as [{"issuer":"https://login.example.com","jwks":"https://login.example.com/keys","projects":["team-*"]}]`
	if strings.TrimSpace(text) == "" {
		return []Issuer{}, ""
	}
	documents, err := parseYAML([]byte(text))
	if err != nil || len(documents) != 1 {
		return nil, "is neither JSON nor YAML" + fix
	}
	list, complaints := readIssuers(documents[0].Content[0])
	if len(complaints) == 0 {
		return list, ""
	}
	var texts []string
	for _, c := range complaints {
		texts = append(texts, c.text)
	}
	return nil, strings.Join(texts, ", and ")
}

// readIssuers reads the entries from the file.
func readIssuers(node *yaml.Node) (list []Issuer, complaints []complaint) {
	list = []Issuer{}
	if node.Kind != yaml.SequenceNode || tagged(node) {
		return nil, []complaint{{node, "is no list; write a line with - for each issuer, and issuer:, jwks: or secret:, and projects: below it, or [] for none"}}
	}
	for i, item := range node.Content {
		var one Issuer
		for _, c := range one.read(item) {
			complaints = append(complaints, complaint{c.at, fmt.Sprintf("entry %d: %s", i+1, c.text)})
		}
		list = append(list, one)
	}
	return list, complaints
}

func (i *Issuer) read(node *yaml.Node) (complaints []complaint) {
	refuse := func(at *yaml.Node, text string) { complaints = append(complaints, complaint{at, text}) }
	if node.Kind != yaml.MappingNode || tagged(node) {
		refuse(node, "has no keys; write issuer:, jwks: or secret:, and projects: below it")
		return complaints
	}
	given := map[string]bool{}
	for n := 0; n+1 < len(node.Content); n += 2 {
		name, value := node.Content[n], node.Content[n+1]
		at := slices.IndexFunc(issuerKeys, func(s setting) bool { return s.key == name.Value })
		switch {
		case name.Kind != yaml.ScalarNode || at < 0:
			refuse(name, show(name.Value)+" is no key of an issuer; the keys are "+strings.Join(issuerKeyNames(), ", "))
			continue
		case given[name.Value]:
			refuse(name, name.Value+" is given twice; keep one")
			continue
		}
		given[name.Value] = true
		s := issuerKeys[at]
		read, wrong := s.read(value)
		for _, c := range wrong {
			refuse(c.at, s.key+" "+c.text)
		}
		if len(wrong) == 0 {
			reflect.ValueOf(i).Elem().FieldByIndex(s.field).Set(reflect.ValueOf(read))
		}
	}
	return complaints
}

func issuerKeyNames() (names []string) {
	for _, s := range issuerKeys {
		names = append(names, s.key)
	}
	return names
}

// issuersNode is the list as YAML, with its secrets masked.
func issuersNode(list []Issuer) *yaml.Node {
	all := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, one := range list {
		entry := &yaml.Node{Kind: yaml.MappingNode}
		for _, s := range issuerKeys {
			value := reflect.ValueOf(one).FieldByIndex(s.field)
			if value.IsZero() {
				continue
			}
			entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: s.key}, s.valueNode(value.Interface()))
		}
		all.Content, all.Style = append(all.Content, entry), 0
	}
	return all
}

func (c *Config) checkIssuers(r *refusals) {
	for n, i := range c.Auth.Issuers {
		refuse := func(format string, args ...any) {
			r.refuse("auth.issuers", "entry %d: "+format, append([]any{n + 1}, args...)...)
		}
		if i.Issuer == "" || strings.ContainsFunc(i.Issuer, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			refuse("issuer is empty or has white space; write the iss of its tokens, letter by letter")
		}
		switch {
		case i.Secret == "" && i.JWKS == "":
			refuse("it has no keys; write jwks: or secret:")
		case i.Secret != "" && i.JWKS != "":
			refuse("it has jwks and secret; keep one, or make two entries of it")
		}
		for _, text := range []string{badSecret(i.Secret), badJWKS(i.JWKS)} {
			if text != "" {
				refuse("%s %s", map[bool]string{true: "secret", false: "jwks"}[i.Secret != ""], text)
			}
		}
		if len(i.Projects) == 0 {
			refuse(`projects is missing; write which projects its tokens may reach, such as ["team-*"], or ["*"] for all`)
		}
		for _, text := range i.Projects {
			if !pattern.MatchString(text) {
				refuse("projects: %s"+noPattern, show(text))
			}
		}
	}
}
