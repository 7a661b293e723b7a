package fallback_test

import (
	"encoding/json"
	"testing"

	"nudge/fallback"
)

func TestPushOnTheWire(t *testing.T) {
	var forgotten fallback.Push
	for _, tc := range []struct {
		push fallback.Push
		want string
	}{
		{fallback.Healthy, "healthy"},
		{fallback.Degraded, "degraded"},
		{fallback.Down, "down"},
		{fallback.Off, "off"},
		{forgotten, "down"},
		{fallback.Push(200), "down"},
	} {
		if got := tc.push.String(); got != tc.want {
			t.Errorf("Push(%d).String() = %q, want %q", uint8(tc.push), got, tc.want)
		}
		body, err := json.Marshal(struct{ Push fallback.Push }{tc.push})
		if want := `{"Push":"` + tc.want + `"}`; err != nil || string(body) != want {
			t.Errorf("Push(%d) as JSON = %s, %v, want %s", uint8(tc.push), body, err, want)
		}
	}
}

func TestPushReadsBack(t *testing.T) {
	for word, want := range map[string]fallback.Push{
		"healthy": fallback.Healthy, "degraded": fallback.Degraded, "down": fallback.Down, "off": fallback.Off,
		"": fallback.Down, "Healthy": fallback.Down, "splendid": fallback.Down,
	} {
		if got := fallback.ParsePush(word); got != want {
			t.Errorf("ParsePush(%q) = %v, want %v", word, got, want)
		}
		got := fallback.Off
		if err := json.Unmarshal([]byte(`"`+word+`"`), &got); err != nil || got != want {
			t.Errorf("%q in JSON is %v, %v, want %v", word, got, err, want)
		}
	}
}

func TestPushIsOrderedByHealth(t *testing.T) {
	if fallback.Down >= fallback.Degraded || fallback.Degraded >= fallback.Healthy {
		t.Error("want Down < Degraded < Healthy")
	}
}
