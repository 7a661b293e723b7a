package version

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxProjectLength is the greatest number of characters in a project's id.
const MaxProjectLength = 128

// Project is an opaque id of the application: 1 to 128 characters of A-Z a-z 0-9 . _ ~ : -
// Only [ParseProject] makes one that is not zero, so a Project never holds a byte that could break
// a channel name, an SSE field or a URL. Projects are comparable; the zero Project is no project.
type Project struct{ id string }

var errProjectEmpty = errors.New("the project is empty; name one, such as 42")

// ParseProject makes a Project of s, or says which rule s breaks.
func ParseProject(s string) (Project, error) {
	if s == "" {
		return Project{}, errProjectEmpty
	}
	if len(s) > MaxProjectLength {
		return Project{}, fmt.Errorf("the project is %d characters long; %d is the most", len(s), MaxProjectLength)
	}
	for _, r := range s {
		if r >= utf8.RuneSelf || !projectByte(byte(r)) {
			return Project{}, fmt.Errorf("project %q: %q is not allowed; use A-Z a-z 0-9 . _ ~ : -, and write an id of other characters as hex or base64url", s, r)
		}
	}
	return Project{s}, nil
}

// Clone returns a copy of p in its own memory. A project that is a part of a request's text keeps that whole text in memory.
func (p Project) Clone() Project { return Project{strings.Clone(p.id)} }

// String is the id.
func (p Project) String() string { return p.id }

// MarshalText makes a Project a JSON string, or the key of a JSON object.
func (p Project) MarshalText() ([]byte, error) { return []byte(p.id), nil }

// UnmarshalText is [ParseProject] for JSON.
func (p *Project) UnmarshalText(text []byte) error {
	parsed, err := ParseProject(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

func projectByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c == '.', c == '_', c == '~', c == ':', c == '-':
		return true
	}
	return false
}
