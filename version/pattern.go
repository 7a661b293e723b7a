package version

import (
	"fmt"
	"strings"
)

// Pattern matches one project (42), or all whose ids begin with a prefix (team-*, or * for all).
// Tokens and the feature flag use it. The zero Pattern matches nothing.
type Pattern struct {
	text   string
	prefix bool
}

// ParsePattern makes a Pattern of s: a project's id, or a prefix followed by *.
func ParsePattern(s string) (Pattern, error) {
	text, prefix := strings.CutSuffix(s, "*")
	if text == "" && prefix {
		return Pattern{prefix: true}, nil
	}
	if _, err := ParseProject(text); err != nil {
		return Pattern{}, fmt.Errorf("pattern %q: %w", s, err)
	}
	return Pattern{text, prefix}, nil
}

// Match tells whether the pattern covers p.
func (t Pattern) Match(p Project) bool {
	if t.prefix {
		return strings.HasPrefix(p.id, t.text)
	}
	return p.id != "" && p.id == t.text
}

// String is the text that [ParsePattern] read.
func (t Pattern) String() string {
	if t.prefix {
		return t.text + "*"
	}
	return t.text
}
