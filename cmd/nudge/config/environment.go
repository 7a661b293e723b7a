package config

import (
	"slices"
	"strings"
)

// A layer holds the values of one source, each of its key's type, and where each was given.
type layer struct {
	values  map[string]any
	origins map[string]string
}

// readEnvironment reads the variable of every key as strictly as the file. An empty variable counts too: it makes a text or a
// list empty, and is an error for any other type.
func readEnvironment(lookup func(string) (string, bool)) (layer, Problems) {
	return readTexts(func(s setting) (string, string, bool) {
		text, given := lookup(s.env)
		return s.env, text, given
	})
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
	l, problems := layer{map[string]any{}, map[string]string{}}, Problems(nil)
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
var otherVariables = []string{"NUDGE_GATEWAY", "NUDGE_TOKEN"}

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
		for _, s := range settings {
			if distance := editDistance(name, s.env); distance < least {
				nearest, least = s.env, distance
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
