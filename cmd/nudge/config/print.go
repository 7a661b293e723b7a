package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Print writes the configuration in effect as a config.yaml, with the origin of each value beside it. Secrets are masked.
func (l *Loaded) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": root}
	for _, s := range settings {
		above := strings.TrimSuffix(strings.TrimSuffix(s.key, lastWord(s.key)), ".")
		if sections[above] == nil {
			sections[above] = &yaml.Node{Kind: yaml.MappingNode}
			outer := sections[strings.TrimSuffix(strings.TrimSuffix(above, lastWord(above)), ".")]
			outer.Content = append(outer.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: lastWord(above)}, sections[above])
		}
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: lastWord(s.key)}
		value := s.node(l.Config)
		value.LineComment = cmp.Or(l.Origins[s.key], "default")
		sections[above].Content = append(sections[above].Content, name, value)
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	_, err := w.Write(text.Bytes())
	return err
}

// Value is a key's value as config.yaml has it: a duration is text such as "15s", and a secret is masked.
type Value struct {
	Value  any    `json:"value"`
	Origin string `json:"origin"` // as in Loaded.Origins, or "default"
}

// Values returns what Print prints, by key such as poll.fast.
func (l *Loaded) Values() (map[string]Value, error) {
	all := make(map[string]Value, len(settings))
	for _, s := range settings {
		v := Value{Origin: cmp.Or(l.Origins[s.key], "default")}
		if err := s.node(l.Config).Decode(&v.Value); err != nil {
			return nil, fmt.Errorf("print %s: %w", s.key, err)
		}
		all[s.key] = v
	}
	return all, nil
}

// node is the setting's value as YAML.
func (s setting) node(c *Config) *yaml.Node { return s.valueNode(s.in(c).Interface()) }

func (s setting) valueNode(value any) *yaml.Node {
	switch value := value.(type) {
	case []Issuer:
		return issuersNode(value)
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range value {
			list.Content = append(list.Content, textNode(item))
		}
		return list
	case string:
		switch {
		case s.url:
			value = Hide(value)
		case s.secret && value != "":
			value = masked
		}
		return textNode(value)
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: plain(value)}
	}
}

func textNode(text string) *yaml.Node {
	node := new(yaml.Node)
	node.SetString(text) // quotes what would be read as something else
	return node
}

// plain is a value as an operator would write it.
func plain(value any) string {
	switch value := value.(type) {
	case time.Duration:
		return FormatDuration(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}

// FormatDuration writes a duration as an operator would: 5m where Duration.String says 5m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
