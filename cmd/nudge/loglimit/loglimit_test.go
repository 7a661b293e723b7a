package loglimit

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

// take returns what was written since the last call.
func (b *buffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// What repeats is logged ten times a minute. After the minute the log says how many there were besides, also if none follows.
func TestRepeatsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said buffer
		log := slog.New(New(slog.NewTextHandler(&said, nil)))
		for i := range 25 {
			log.With("a", 1).Warn("broken", "i", i)
			log.Info("well")
		}
		log.Error("another")
		if got := said.take(); strings.Count(got, "broken") != 10 || strings.Count(got, "well") != 25 || !strings.Contains(got, "another") {
			t.Errorf("in the first minute:\n%s", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := said.take(); !strings.HasSuffix(got, "level=WARN msg=broken a=1 i=24 not_logged=15\n") || strings.Count(got, "\n") != 1 {
			t.Errorf("after a minute: %q", got)
		}
		for range 12 {
			log.Warn("broken")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := said.take(); strings.Count(got, "broken") != 11 || strings.Count(got, "not_logged=2\n") != 1 {
			t.Errorf("in the next minute: %q", got)
		}
		for range 10 { // ten in each minute are all logged
			log.Warn("broken")
		}
		time.Sleep(time.Minute)
		for range 10 {
			log.Warn("broken")
		}
		if got := said.take(); strings.Count(got, "broken") != 20 || strings.Contains(got, "not_logged") {
			t.Errorf("ten a minute: %q", got)
		}
	})
}
