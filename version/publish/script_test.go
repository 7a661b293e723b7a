//go:build unix

package publish_test

import (
	"strings"
	"testing"

	"nudge/version/publish"
	"nudge/version/redistest"
)

// What is no version must not take the place of one: nobody could read it, and nothing greater could follow.
func TestPublishScriptRefuses(t *testing.T) {
	server := redistest.Start(t)
	const key = "nudge:{42}"
	run := func(args ...any) (any, error) {
		return server.Try(append([]any{"EVAL", publish.Script(), 1, key}, args...)...)
	}
	server.Do("SET", key, "7")
	for _, bad := range []string{"", "abc", "8.5", "1e3", "0x7ff", "007", "-8", " 8", "9007199254740992", "99999999999999999999", "nil"} {
		if got, err := run(bad, "8"); err == nil || !strings.Contains(err.Error(), "ARGV[1]") {
			t.Errorf("version %q: %v, %v", bad, got, err)
		}
	}
	for _, args := range [][]any{{"8"}, {"8", ""}, {}} {
		if got, err := run(args...); err == nil || !strings.Contains(err.Error(), "ARGV[") {
			t.Errorf("%q: %v, %v", args, got, err)
		}
	}
	if got := server.Do("GET", key); got != "7" {
		t.Errorf("the key is %v", got)
	}
	for _, good := range []string{"8", "9007199254740991"} {
		if got, err := run(good, good); got != int64(1) {
			t.Errorf("version %s: %v, %v", good, got, err)
		}
	}
	if got, err := run("0", "0", "1"); got != int64(1) || server.Do("GET", key) != "0" {
		t.Errorf("a reset to 0: %v, %v", got, err)
	}
}

// News of a project that no gateway can name would be lost without a word.
func TestPublishScriptRefusesWhatNobodyHears(t *testing.T) {
	server := redistest.Start(t)
	for _, bad := range []string{"42", "nudge:42", "nudge:{a@b.c}", "nudge:{größe}", "nudge:{}", "nudge:{" + strings.Repeat("x", 129) + "}", "nudge:{42}x"} {
		got, err := server.Try("EVAL", publish.Script(), 1, bad, "8", "8")
		if err == nil || !strings.Contains(err.Error(), "KEYS[1]") || server.Do("EXISTS", bad) != int64(0) {
			t.Errorf("key %q: %v, %v", bad, got, err)
		}
	}
	for _, good := range []string{"nudge:{42}", "my:own-prefix:{A.z_9~:-}", "nudge:{" + strings.Repeat("x", 128) + "}"} {
		if got, err := server.Try("EVAL", publish.Script(), 1, good, "8", "8"); got != int64(1) {
			t.Errorf("key %q: %v, %v", good, got, err)
		}
	}
}
