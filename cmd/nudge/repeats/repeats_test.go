package repeats

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What repeats is logged ten times a minute, and the first line of the next minute says how many there were besides.
func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		log := slog.New(New(slog.NewTextHandler(&said, nil)))
		for range 25 {
			log.With("a", 1).Warn("broken")
			log.Info("well")
		}
		log.Error("another")
		if got := strings.Count(said.String(), "broken"); got != 10 {
			t.Errorf("broken: %d lines", got)
		}
		if strings.Count(said.String(), "well") != 25 || !strings.Contains(said.String(), "another") {
			t.Errorf("other lines are missing:\n%s", &said)
		}
		time.Sleep(time.Minute)
		log.Warn("broken")
		log.Warn("broken")
		if got := strings.Count(said.String(), "broken"); got != 12 || strings.Count(said.String(), "not_logged=15\n") != 1 {
			t.Errorf("after a minute: %d lines\n%s", got, &said)
		}
	})
}
