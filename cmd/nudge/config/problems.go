package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Problem is one mistake in a configuration, and how to fix it.
type Problem struct {
	Where string `json:"where"` // config.yaml:31, NUDGE_HEARTBEAT, --listen, or "" for a default
	Key   string `json:"key"`   // heartbeat; "" if the problem is the file as a whole
	Text  string `json:"text"`  // what is wrong and what to write instead; never a secret
	also  []string
}

// String is the problem on one line: where, key, text.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{p.Where, p.Key, p.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is the error for a configuration that is refused: all mistakes in it.
// It is never empty when returned as an error.
type Problems []Problem

// Error lists the problems, one per line.
func (p Problems) Error() string { return p.joined("\n") }

func (p Problems) joined(separator string) string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, separator)
}

// err is p as an error, nil when there is nothing wrong.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// except leaves out the problems that may follow from earlier ones: of a key that has no value because its own was wrong, or that
// was perhaps misspelt. If a whole file cannot be read, nothing is left.
func (p Problems) except(earlier Problems) (rest Problems) {
	wrong := map[string]bool{}
	for _, e := range earlier {
		if e.Key == "" {
			return nil
		}
		wrong[e.Key], wrong[nearestKey(strings.ToLower(e.Key))] = true, true
	}
	for _, problem := range p {
		if !slices.ContainsFunc(append([]string{problem.Key}, problem.also...), func(key string) bool { return wrong[key] }) {
			rest = append(rest, problem)
		}
	}
	return rest
}

// locate sets where each problem's key was given. If the key has its default, locate uses the place of a key that contradicts
// it. It also names the other keys that do not come from the file.
func (p Problems) locate(origins map[string]string) Problems {
	located := make(Problems, len(p))
	for i, problem := range p {
		for _, key := range append([]string{problem.Key}, problem.also...) {
			switch origin := origins[key]; {
			case origin == "":
			case problem.Where == "":
				problem.Where = origin
			case strings.HasPrefix(origin, "NUDGE_"), strings.HasPrefix(origin, "--"): // not visible in the file
				problem.Text += "; " + key + " is from " + origin
			}
		}
		located[i] = problem
	}
	return located
}

// token matches a JWT.
var token = regexp.MustCompile(`ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*`)

// Hide masks what looks like credentials, for messages: user and password of an address or URL, the query of a URL, a token.
func Hide(text string) string {
	scheme, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && strings.Contains(text, ":") {
		rest = masked + rest[at:]
	}
	if before, query, _ := strings.Cut(rest, "?"); query != "" && isURL {
		rest = before + "?" + masked
	}
	return token.ReplaceAllString(scheme+rest, masked)
}

// show prepares text for a message: without credentials, short, on one line, and in quotes if necessary.
func show(text string) string {
	text = Hide(text)
	const longest = 60
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r == '"' || r == '\'' || r == 0x7f || r == '\uFFFD'
	})
	if plain && strconv.CanBackquote(text) {
		return text
	}
	return fmt.Sprintf("%q", text)
}

// masked replaces a secret. It is too short to be one, so a printed configuration cannot be used by accident.
const masked = "********"
