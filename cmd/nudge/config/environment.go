package config

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// A layer holds the values of one source, each of its key's type, and where each was given.
type layer struct {
	values  map[string]any
	origins map[string]string
	foreign bool // a file that has keys, none of which is one of the configuration
}

// readEnvironment reads the variable of every key as strictly as the file. An empty variable counts too: it makes a text or a
// list empty, and is an error for any other type. NUDGE_AUTH_SECRET_FILE, and the like for every secret, names a file that
// holds the value.
func (l Loader) readEnvironment(lookup func(string) (string, bool), file func(string) content) (layer, Problems) {
	var broken Problems
	texts, problems := readTexts(func(s setting) (string, string, bool) {
		text, given := lookup(s.env)
		name, inFile := lookup(s.fileEnv())
		if !s.secret || !inFile || !l.matters(s.key) {
			return s.env, text, given
		}
		text, complaint := s.secretFrom(name, file)
		if given {
			complaint = "contradicts " + s.env + "; set one of them"
		}
		if complaint != "" {
			broken = append(broken, Problem{Where: s.fileEnv(), Key: s.key, Text: complaint})
		}
		return s.fileEnv(), text, complaint == ""
	})
	return texts, append(broken, problems...)
}

// fileEnv is the variable that names the file of a secret.
func (s setting) fileEnv() string { return s.env + "_FILE" }

// secretFrom reads a secret from a file. A line break at its end does not count: editors and echo add one.
func (s setting) secretFrom(name string, file func(string) content) (text, complaint string) {
	if name == "" {
		return "", "is empty; name a file, or unset it"
	}
	c := file(name)
	text = strings.TrimRight(string(c.data), "\r\n")
	switch cause, isPath := errors.AsType[*fs.PathError](c.err); {
	case isPath:
		return "", fmt.Sprintf("%s: %v; name a file that this user can read", show(name), cause.Err)
	case c.err != nil:
		return "", fmt.Sprintf("%s: %v; name the file of a secret", show(name), c.err)
	case text == "":
		return "", show(name) + " is empty; write the secret into it"
	case s.typ.Kind() == reflect.String && (!utf8.ValidString(text) || strings.ContainsAny(text, "\x00\r\n")):
		return "", show(name) + " is not one line of text; write the secret, and nothing else, into it"
	}
	return text, ""
}

// readFlags reads the settings that were given on the command line.
func readFlags(flags map[string]string) (layer, Problems) {
	var unknown Problems
	for key := range flags {
		if _, known := settingByKey[key]; !known {
			unknown = append(unknown, Problem{Where: flagName(key), Text: "is not a key of the configuration"})
		}
	}
	l, problems := readTexts(func(s setting) (string, string, bool) {
		text, given := flags[s.key]
		return flagName(s.key), text, given
	})
	return l, append(unknown, problems...)
}

// readTexts reads the text that lookup finds for each setting. name is what messages call the setting.
func readTexts(lookup func(setting) (name, text string, given bool)) (layer, Problems) {
	l, problems := layer{values: map[string]any{}, origins: map[string]string{}}, Problems(nil)
	for _, s := range settings {
		name, text, given := lookup(s)
		if !given {
			continue
		}
		l.origins[s.key] = name
		value, complaint := s.parse(text)
		if complaint != "" && text == "" {
			complaint = "is empty; write a value, such as " + s.example() + ", or unset it"
		}
		if complaint != "" {
			problems = append(problems, Problem{Where: name, Key: s.key, Text: complaint})
			continue
		}
		l.values[s.key] = value
	}
	return l, problems
}

func flagName(key string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// otherVariables are variables that commands read, not the configuration.
var otherVariables = []string{"NUDGE_GATEWAY", "NUDGE_TOKEN", fileVariable}

// unknownVariables lists, sorted, the variables that begin with NUDGE_ and are no key, each with the similar key that was
// perhaps meant. Orchestrators inject such variables, so they are no error.
func unknownVariables(environ []string) []string {
	var unknown []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, "NUDGE_TEST") {
			continue
		}
		if slices.Contains(otherVariables, name) {
			continue
		}
		nearest, least := "", 3
		consider := func(known string) {
			if distance := editDistance(name, known); distance < least {
				nearest, least = known, distance
			}
		}
		for _, s := range settings {
			consider(s.env)
			if s.secret {
				consider(s.fileEnv())
			}
		}
		switch {
		case nearest == "":
			unknown = append(unknown, name)
		case nearest != name:
			unknown = append(unknown, name+" (did you mean "+nearest+"?)")
		}
	}
	slices.Sort(unknown)
	return unknown
}
