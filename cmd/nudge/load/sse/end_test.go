package sse

import (
	"io"
	"syscall"
	"testing"
	"time"
)

// Who comes back with a bad token, or where nothing is, need not come back again.
func TestEnd(t *testing.T) {
	answered := func(status int, retry string) error {
		return &HeadError{Head{Status: status, Retry: retry}}
	}
	bye := func(reason string, after int64) error { return &GoodbyeError{Closing{reason, after, 0}} }
	for _, tt := range []struct {
		why   error
		lived bool
		want  End
	}{
		{answered(401, ""), false, End{Key: "401", Refused: true, Final: true, After: time.Second, Spread: time.Second}},
		{answered(204, ""), false, End{Key: "204", Refused: true, Final: true, After: time.Second, Spread: time.Second}},
		{answered(429, "30"), false, End{Key: "429/30s", Refused: true, After: 30 * time.Second, Spread: time.Second}},
		{answered(503, "soon"), false, End{Key: "503", Refused: true, After: time.Second, Spread: time.Second}},
		{bye("rotate", 0), true, End{Key: "rotate"}},
		{bye("off", 0), true, End{Key: "off", Final: true}},
		{bye("overload", 4500), false, End{Key: "overload/5s", Refused: true, After: 4500 * time.Millisecond}},
		{io.EOF, true, End{Key: "end", After: time.Second, Spread: time.Second}},
		{io.EOF, false, End{Key: "end before the hello", After: time.Second, Spread: time.Second}},
		{syscall.ECONNRESET, true, End{Key: "connection reset by peer", After: time.Second, Spread: time.Second}},
	} {
		if got := EndOf(tt.why, tt.lived); got != tt.want {
			t.Errorf("%v, lived %v: %+v, want %+v", tt.why, tt.lived, got, tt.want)
		}
	}
	for range 100 {
		if us := (End{After: time.Second, Spread: time.Second}).Wait(); us < 1e6 || us > 2e6 {
			t.Fatalf("it comes back after %d µs", us)
		}
	}
}
