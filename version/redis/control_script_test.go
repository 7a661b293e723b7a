//go:build unix

package redis_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"nudge/version"
	"nudge/version/redistest"
)

// script runs control.lua as it is.
func script(t testing.TB, server *redistest.Server, args ...any) any {
	t.Helper()
	source, err := os.ReadFile("../control/control.lua")
	if err != nil {
		t.Fatal(err)
	}
	return server.Do(append([]any{"EVAL", string(source), 1, controlKey}, args...)...)
}

// Between the read that found an entry lost and its being written back, somebody may have set it.
func TestControlScriptWritesBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const entry = `{"seq":%d,"time_ms":7,"enabled":false}`
	for _, tt := range []struct {
		what, held string
		stored     bool
	}{
		{"nothing", "", true},
		{"an older one", fmt.Sprintf(entry, 4), true},
		{"the same", `{"seq":5,"time_ms":7,"enabled":true}`, false},
		{"a later one", fmt.Sprintf(entry, 6), false},
		{"garbage", "off", true},
		{"garbage with a number", `{"seq":6,"enabled":false}`, true},
		{"garbage with too large a number", fmt.Sprintf(entry, version.Max+1), true},
		{"what a later version of Nudge may write", `{"seq":6,"time_ms":7,"enabled":"a little"}`, false},
	} {
		server.Do("DEL", controlKey)
		want := any(tt.held)
		if tt.held != "" {
			server.Do("HSET", controlKey, "flag", tt.held)
		}
		if tt.stored {
			want = fmt.Sprintf(entry, 5)
		}
		returned := script(t, server, "flag", `"enabled":false}`, "5", "7")
		if got := server.Do("HGET", controlKey, "flag"); got != want || (returned != nil) != tt.stored {
			t.Errorf("%s: the field holds %v, want %s; the script returns %v", tt.what, got, want, returned)
		}
	}
}

// An entry whose number or time is far ahead of the clock would stand above every later order: it is none.
func TestControlScriptFarAhead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	by := admin(t, server)
	for _, garbage := range []string{
		fmt.Sprintf(`{"seq":%d,"time_ms":%d,"enabled":true}`, version.Max, time.Now().UnixMilli()),
		fmt.Sprintf(`{"seq":%d,"time_ms":%[1]d,"enabled":true}`, time.Now().Add(48*time.Hour).UnixMilli()),
	} {
		server.Do("HSET", controlKey, "flag", garbage)
		if got := stored(t, by); got.Flag.Seq != 0 {
			t.Errorf("%s is believed: %+v", garbage, got.Flag)
		}
		if e := setFlag(t, by, nil); time.UnixMilli(e.Seq).After(time.Now().Add(time.Minute)) {
			t.Errorf("after %s the next number is %d", garbage, e.Seq)
		}
	}
}

// What counts as an entry is decided by the script alone.
func TestControlScriptDecidesWhatIsAnEntry(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, tt := range []struct{ field, entry, rest string }{
		{"flag", `{"seq":7,"time_ms":9,"enabled":true}`, `"enabled":true}`},
		{"flag", `{"seq":7,"time_ms":9,"seq":8}`, `"seq":8}`},
		{"revoke:1", `{"seq":7,"time_ms":9,"until_ms":5,"jti":"1"}`, `"until_ms":5,"jti":"1"}`},
		{"flag", "", ""},
		{"flag", "off", ""},
		{"flag", `{"enabled":true}`, ""},
		{"flag", ` {"seq":7,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":0,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":-7,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":1e3,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":07,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":9007199254740992,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":99999999999999999999,"time_ms":9,"enabled":true}`, ""},
		{"flag", `{"seq":7,"time_ms":253402300800000,"enabled":true}`, ""},
		{"flag", `{"seq":7,"time_ms":99999999999999999999,"enabled":true}`, ""},
		{"flag", `{"seq":7,"time_ms":9,"x":"` + strings.Repeat("x", 800) + `"}`, ""},
		{"revoke:1", `{"seq":7,"time_ms":9,"jti":"1"}`, ""},
		{"revoke:1", `{"seq":7,"time_ms":9,"until_ms":-5,"jti":"1"}`, ""},
	} {
		server.Do("DEL", controlKey)
		server.Do("HSET", controlKey, tt.field, tt.entry)
		want := []any{tt.field, "0", "0", ""}
		if tt.rest != "" {
			want = []any{tt.field, "7", "9", tt.rest}
		}
		if got := script(t, server); !reflect.DeepEqual(got, want) {
			t.Errorf("%.80s is %q, want %q", tt.entry, got, want)
		}
	}
}

// Whatever the hash holds, no gateway is brought more than it can take, and the flag is not crowded out.
func TestControlScriptReadIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("EVAL", `for i = 1, 9000 do redis.call('HSET', KEYS[1], 'other:' .. i, 'x', 'revoke:' .. i, 'x') end
		redis.call('HSET', KEYS[1], string.rep('f', 1000), 'x')`, 1, controlKey)
	e := setFlag(t, admin(t, server), nil) // it drops the garbage among the revocations
	if n := server.Do("HLEN", controlKey); n != int64(9_002) {
		t.Errorf("%v fields", n)
	}
	server.Do("EVAL", `for i = 1, 10900 do redis.call('HSET', KEYS[1], 'revoke:' .. i .. string.rep('x', 100), string.rep('x', i % 500 == 0 and 1000 or 10)) end`, 1, controlKey)
	read := script(t, server).([]any)
	flag := false
	for i := 0; i < len(read); i += 4 {
		field, rest := read[i].(string), read[i+3].(string)
		if len(field) > 64 || len(rest) > 800 {
			t.Fatalf("field of %d bytes, entry of %d", len(field), len(rest))
		}
		flag = flag || field == "flag"
	}
	if !flag || len(read) != 4*10_001 {
		t.Errorf("%d texts; with the flag: %v", len(read), flag)
	}
	if got := stored(t, admin(t, server)); got.Flag.Stamp != e.Stamp {
		t.Errorf("%+v", got.Flag)
	}

	// More is not read at all: that would hold up all who use this Redis.
	server.Do("EVAL", `for i = 1, 200 do redis.call('HSET', KEYS[1], 'more:' .. i, 'x') end`, 1, controlKey)
	if _, err := admin(t, server).Control(t.Context()); err == nil || !strings.Contains(err.Error(), "DEL it") {
		t.Errorf("a hash of more fields than can be: %v", err)
	}
}
