package redis

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"nudge/version"
)

// Whatever comes on a channel of probes: a gateway that is believed is one that could have sent it, and can be printed.
func FuzzProbe(f *testing.F) {
	for _, raw := range []string{
		"17", "", "-1", "9007199254740992", "{}", "[1]", "null", `{"version":17,"instance":"i","node":"gw-1","streams":512,"uncovered":7,"polling":31,"step":4,"push":"healthy","leaving":true,"nudge":"0.4.0"}`,
		`{"version":1,"instance":"other"}`, `{"version":1,"INSTANCE":"i"}`, `{"version":1,"instance":"i","streams":-1}`, `{"version":1,"instance":"i","streams":1e400}`, `{"version":9007199254740993,"instance":"i"}`,
		`{"version":1,"instance":"i","node":"\u001b[31mred"}`, `{"version":1,"instance":"i","node":"a\u2028b"}`, "{\"version\":1,\"instance\":\"i\",\"node\":\"\xff\"}",
		strings.Repeat("[", 4<<10), strings.Repeat("9", 5<<10), `{"version":1,"instance":"i","node":"` + strings.Repeat("n", 4<<10) + `"}`,
	} {
		f.Add("i", []byte(raw))
	}
	f.Fuzz(func(t *testing.T, instance string, raw []byte) {
		number, peer, err := decodeProbe(instance, raw)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("an error that is no line: %q", err)
			}
			return
		}
		if number < 0 || number > version.Max {
			t.Fatalf("the number %d", number)
		}
		if peer == nil {
			return
		}
		if peer.Instance != instance || peer.Check() != nil || len(raw) > maxProbe {
			t.Fatalf("%q is believed: %+v", raw, peer)
		}
		text, _ := json.Marshal(probeMessage{number, *peer})
		if n, again, err := decodeProbe(instance, text); len(text) <= maxProbe && (err != nil || n != number || !reflect.DeepEqual(again, peer)) {
			t.Fatalf("%q is sent as %q, and read as %+v, %v", raw, text, again, err)
		}
	})
}

// The channel of a project, and no other, leads back to it.
func FuzzChannel(f *testing.F) {
	for _, seed := range []string{"nudge:{42}", "nudge:{}", "nudge:{42", "nudge:{4}2}", "nudge:probe:x", "nudge:{a\nb}", "other:{42}", "nudge:{{42}}", "nudge:{42}\x00", ":{42}"} {
		f.Add("nudge", seed)
	}
	f.Fuzz(func(t *testing.T, prefix, channel string) {
		n := names{prefix: prefix}
		if p, err := n.projectOf(channel); err == nil && n.project(p) != channel {
			t.Fatalf("%q is taken for the channel %q", channel, n.project(p))
		}
	})
}
