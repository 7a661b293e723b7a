package config

import (
	"fmt"
	"strconv"
	"strings"
)

// A Problem is one thing wrong with a configuration, with the way to fix it.
type Problem struct {
	Where string // config.yaml:31, NUDGE_HEARTBEAT, --listen, or "" when a default is at fault
	Key   string // heartbeat; "" when the trouble is with the file as a whole
	Text  string // what is wrong and what to write instead; never a secret
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

// Problems is the error for a configuration that is refused: everything that is
// wrong with it. It is never empty when returned as an error.
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

// locate fills in where each problem's key was given; if that key has its default, where a key that contradicts it was.
// It also names those of the other keys that are not from the file.
func (p Problems) locate(origins map[string]string) Problems {
	located := make(Problems, len(p))
	for i, problem := range p {
		for _, key := range append([]string{problem.Key}, problem.also...) {
			switch origin := origins[key]; {
			case origin == "":
			case problem.Where == "":
				problem.Where = origin
			case strings.HasPrefix(origin, "NUDGE_"), strings.HasPrefix(origin, "--"): // which nobody sees in the file
				problem.Text += "; " + key + " is from " + origin
			}
		}
		located[i] = problem
	}
	return located
}

// show makes text fit for a message: short, on one line, in quotes if it would be hard to read without.
func show(text string) string {
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

// masked stands for a secret. It is too short to be one, so nobody can use a printed configuration by accident.
const masked = "********"
