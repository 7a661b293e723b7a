package config

import (
	"slices"
	"strings"
)

// A layer is what one source says: values of the types of their keys, and where each is given.
type layer struct {
	values  map[string]any
	origins map[string]string
}

// readEnvironment reads the variable of every key as strictly as the file. A variable that is set to nothing counts: it
// makes text and lists empty, and is an error for everything else.
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
			unknown = append(unknown, Problem{Where: flagName(key), Text: "stands for no key of the configuration"})
		}
	}
	l, problems := readTexts(func(s setting) (string, string, bool) {
		text, given := flags[s.key]
		return flagName(s.key), text, given
	})
	return l, append(unknown, problems...)
}

// readTexts reads what lookup finds for each setting: the name that messages call it by, and the text.
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

// otherVariables are read by commands, not by the configuration.
var otherVariables = []string{"NUDGE_GATEWAY", "NUDGE_TOKEN"}

// unknownVariables lists the variables that look as if they were for Nudge and are not, sorted, with the one that was
// probably meant. Orchestrators inject some, so they are no error.
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
