package config

import (
	"slices"
	"strings"
)

// reloadable are the keys, and the sections (with a dot at the end), that apply without a restart.
var reloadable = []string{
	"push.",
	"poll.",
	"limits.",
	"auth.secret", "auth.previous_secret", "auth.jwks", "auth.issuer", "auth.audience", "auth.issuers", "auth.claims.", "auth.leeway",
	"auth.require_subject", "auth.token_life", "auth.cookie_secure",
	"cors.",
	"tls.cert", "tls.key",
	"redis.url", "redis.username", "redis.password", "redis.sentinel_username", "redis.sentinel_password",
	"redis.tls_ca", "redis.tls_cert", "redis.tls_key", "redis.tls_verify",
	"log.level",
}

// restartNeeded lists the keys that differ and need a restart, in the order of config.yaml.
func restartNeeded(old, new *Config) []string {
	return changes(old, new, func(s setting) bool { return !s.reloads(old, new) })
}

// reloaded lists the keys that differ and apply without one.
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

// otherRedis tells whether two configurations use Redis in another way. Then all keys of redis wait for the restart: a password
// of one server would be shown to another.
func otherRedis(a, b *Config) bool {
	return slices.ContainsFunc(settings, func(s setting) bool {
		return strings.HasPrefix(s.key, "redis.") && !slices.Contains(reloadable, s.key) && !s.same(a, b)
	})
}

// reloads tells whether a change of this setting applies without a restart. If auth.open changes too, all keys of auth
// and cors wait for the restart: a secret has no effect while the gateway runs open, and only an open one may let all
// origins in.
func (s setting) reloads(old, new *Config) bool {
	switch section, _, _ := strings.Cut(s.key, "."); {
	case section == "tls" && (old.TLS.Cert == "") != (new.TLS.Cert == ""), section == "redis" && otherRedis(old, new):
		return false
	}
	if (strings.HasPrefix(s.key, "auth.") || strings.HasPrefix(s.key, "cors.")) && old.Auth.Open != new.Auth.Open {
		return false
	}
	return slices.ContainsFunc(reloadable, func(key string) bool {
		return s.key == key || strings.HasSuffix(key, ".") && strings.HasPrefix(s.key, key)
	})
}

// takeOver returns the configuration after a reload: new, but with the running values of all keys that need a restart.
func takeOver(running, new *Config) *Config {
	result := *new
	for _, s := range settings {
		if !s.reloads(running, new) {
			s.in(&result).Set(s.in(running))
		}
	}
	for _, one := range []string{"tls.cert", "redis.tls_cert"} { // each for all files of its section
		if section, _, _ := strings.Cut(one, "."); !settingByKey[one].reloads(running, new) {
			result.keepFiles(section, running)
		}
	}
	return &result
}
