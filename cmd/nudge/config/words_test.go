package config

import (
	"regexp"
	"testing"
)

// goWords are those of Go in an error, which say nothing to users.
var goWords = regexp.MustCompile(`strconv|time: |netip|yaml:|\b(?i:parse|parsing|syntax|unmarshal)\b`)

// What is wrong with the value of any key is said in words of users.
func TestErrorsAreInWordsOfUsers(t *testing.T) {
	for _, s := range settings {
		for _, value := range []string{"x y", "10x", "-1", "1e999", "99999999999999999999", "99999999999h", "99999999999999MiB", "\"", "\x00", ":99999", "[::1", "%zz", ","} {
			if _, err := Parse(s.key, value); err != nil && goWords.MatchString(err.Error()) {
				t.Errorf("%s: %q: %v", s.key, value, err)
			}
		}
	}
}
