package pace

import (
	"context"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/version"
)

// A version that a gateway believes was published, whatever the key says.
func TestFaultOfAReport(t *testing.T) {
	const none = -1
	for _, tc := range []struct {
		reported, believed, stored version.Version
		want                       fallback.Fault
	}{
		{125, 125, 125, fallback.FaultDelivery},
		{125, 130, 130, fallback.FaultDelivery},
		{125, 125, none, fallback.FaultDelivery}, // an application that only publishes
		{125, 125, 124, fallback.FaultDelivery},
		{125, 124, 125, fallback.FaultDeaf},
		{125, none, 125, fallback.FaultDeaf},
		{125, 124, 130, fallback.FaultDeaf},
		{125, 124, 124, fallback.FaultPublisher},
		{125, none, none, fallback.FaultPublisher},
		{125, 124, none, fallback.FaultPublisher},
		{0, none, none, fallback.FaultPublisher},
		{0, none, 0, fallback.FaultDeaf},
		{0, 0, none, fallback.FaultDelivery},
	} {
		board := version.NewBoard()
		p := newPacer(Options{Board: board, Read: func(context.Context, version.Project) (version.Key, error) {
			return version.Key{Version: max(0, tc.stored), Known: tc.stored != none}, nil
		}})
		p.Host().Echo(time.Now())
		p.judge(time.Now())
		m, err := version.ParseMark("42")
		if err != nil {
			t.Fatal(err)
		}
		board.Open(m.Project)
		if tc.believed != none {
			board.Message(version.News{Project: m.Project, Version: tc.believed})
		}
		if got := p.Missed(t.Context(), MissedReport{Project: m.Project, Version: tc.reported, Named: none}); got != tc.want {
			t.Errorf("%d is reported, %d believed, %d stored: judged as %s, want %s", tc.reported, tc.believed, tc.stored, got, tc.want)
		}
	}
}
