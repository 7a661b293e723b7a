package config

import (
	"slices"
	"strings"
)

// reloadable are the keys, and the sections (with a dot at the end), that a
// running gateway takes over. Everything else needs a restart.
var reloadable = []string{
	"push.",
	"poll.",
	"limits.",
	"auth.secret", "auth.previous_secret", "auth.issuer", "auth.audience", "auth.leeway",
	"log.level",
}

// restartNeeded lists the dotted keys that differ between two configurations
// and that a running gateway cannot take over, in the order of config.yaml.
func restartNeeded(old, new *Config) []string {
	return changes(old, new, func(s setting) bool { return !s.reloads(old, new) })
}

// reloaded lists the keys that differ and do apply.
func reloaded(old, new *Config) []string {
	return changes(old, new, func(s setting) bool { return s.reloads(old, new) })
}

func changes(old, new *Config, counts func(setting) bool) []string {
	var keys []string
	for _, s := range settings {
		if !s.same(old, new) && counts(s) {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// reloads tells whether a change of this setting applies at once. Keys of a
// kind that is not in use (a secret, while the gateway runs open) wait for the
// restart that changes the kind.
func (s setting) reloads(old, new *Config) bool {
	if strings.HasPrefix(s.key, "auth.") && (old.Auth.Open != new.Auth.Open || old.Auth.JWKS != new.Auth.JWKS) {
		return false
	}
	return slices.ContainsFunc(reloadable, func(key string) bool {
		return s.key == key || strings.HasSuffix(key, ".") && strings.HasPrefix(s.key, key)
	})
}

// takeOver is what runs after a reload: new, but with the running values of all
// that needs a restart.
func takeOver(running, new *Config) *Config {
	result := *new
	for _, s := range settings {
		if !s.reloads(running, new) {
			s.in(&result).Set(s.in(running))
		}
	}
	return &result
}
