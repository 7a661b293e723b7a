package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"nudge/cmd/nudge/simulate"
	"nudge/internal/exectest"
)

// What holds for 3,000 pages in all scripts (package simulate) holds for 30,000 in three of them, in the program as it is built:
// under the race detector that would take minutes.
func TestSimulateAtFullSize(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	program := filepath.Join(t.TempDir(), "nudge")
	if out, err := exectest.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	play := func(t *testing.T, args ...string) (r simulate.Result) {
		t.Helper()
		var said strings.Builder
		cmd := exectest.Command(program, append([]string{"simulate", "--json"}, args...)...)
		cmd.Stderr = &said
		out, err := cmd.Output()
		if jsonErr := json.Unmarshal(out, &r); jsonErr != nil {
			t.Fatalf("%v: %v, %v: %s", args, err, jsonErr, said.String())
		}
		if err != nil {
			t.Errorf("%v: %s%d seconds with too many polls, %d pages late", args, said.String(), r.Over, r.Late)
		}
		return r
	}
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		play(t, "--script", "redis", "--hours", "0.1", "--budget", "1000")
	})
	t.Run("steady", func(t *testing.T) {
		t.Parallel()
		for slow, least := range map[string]float64{"5m": 96, "15m": 98} {
			r := play(t, "--slow", slow, "--hours", "0.2")
			if saved := r.Plain[1].Saved; saved < least {
				t.Errorf("slow %s saves %v %% of empty polls", slow, saved)
			}
			if s := r.Staleness; s.P50 >= 100 || s.Beyond >= 1000 {
				t.Errorf("slow %s: %+v", slow, s)
			}
		}
	})
	t.Run("crowd", func(t *testing.T) {
		t.Parallel()
		r := play(t, "--script", "crowd", "--browsers", "30000", "--hours", "0.03")
		if r.Staleness.Twice > 1100 || r.Small.P50 > 100 || r.Small.P99 > 1100 {
			t.Errorf("%d browsers: %+v, small projects: %+v", r.Browsers, r.Staleness, r.Small)
		}
	})
}

func TestSimulateCommand(t *testing.T) {
	var out, said bytes.Buffer
	if exit := run([]string{"simulate", "--browsers", "300", "--hours", "0.05", "--slow", "1m"}, &out, &said); exit != 0 || !strings.Contains(out.String(), "promise 2: kept") {
		t.Errorf("exit %d\n%s%s", exit, out.String(), said.String())
	}
	for _, args := range [][]string{{"--script", "flood"}, {"--browsers", "-1"}, {"--hours", "0x"}, {"more"}} {
		out.Reset()
		if exit := run(append([]string{"simulate"}, args...), &out, &said); exit != exitUsage || out.Len() > 0 {
			t.Errorf("%v: exit %d\n%s", args, exit, out.String())
		}
	}
	// Pages that may not be kept waiting, and an application that takes next to nothing: no gateway can keep that.
	said.Reset()
	if exit := run([]string{"simulate", "--script", "kill", "--browsers", "3000", "--hours", "0.05", "--budget", "60"}, &out, &said); exit != exitFailed || !strings.Contains(said.String(), "promise") {
		t.Errorf("a broken promise: exit %d, %s", exit, said.String())
	}
}
