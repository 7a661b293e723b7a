package main

import (
	"slices"
	"strings"
)

// checkEnvironment reads the variable of every key as strictly as the file.
// A variable that is set to nothing counts: it makes text and lists empty, and is
// an error for everything else.
func checkEnvironment(lookup func(string) (string, bool)) (map[string]any, Problems) {
	values, problems := map[string]any{}, Problems(nil)
	for _, s := range settings {
		text, given := lookup(s.env)
		if !given {
			continue
		}
		value, complaint := s.parse(text)
		if complaint != "" && text == "" {
			complaint = "is empty; write a value, such as " + s.example() + ", or unset it"
		}
		if complaint != "" {
			problems = append(problems, Problem{Where: s.env, Key: s.key, Text: complaint})
			continue
		}
		values[s.key] = value
	}
	return values, problems
}

// checkFlags reads the settings that were given on the command line.
func checkFlags(flags map[string]string) (map[string]any, Problems) {
	values, problems := map[string]any{}, Problems(nil)
	for key := range flags {
		if _, known := settingByKey[key]; !known {
			problems = append(problems, Problem{Where: flagName(key), Text: "stands for no key of the configuration"})
		}
	}
	for _, s := range settings {
		text, given := flags[s.key]
		if !given {
			continue
		}
		value, complaint := s.parse(text)
		if complaint != "" {
			problems = append(problems, Problem{Where: flagName(s.key), Key: s.key, Text: complaint})
			continue
		}
		values[s.key] = value
	}
	return values, problems
}

func flagName(key string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// otherVariables are read by commands, not by the configuration.
var otherVariables = []string{"NUDGE_GATEWAY", "NUDGE_TOKEN"}

// unknownVariables lists the variables that look as if they were for Nudge and
// are not, sorted, with the one that was probably meant. Orchestrators inject
// some, so they are no error.
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
