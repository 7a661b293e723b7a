package fallback_test

import (
	"testing"
	"time"

	"nudge/fallback"
)

// epoch is where every test's clock begins.
var epoch = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// at is d after epoch.
func at(d time.Duration) time.Time { return epoch.Add(d) }

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// A scene is one line of a story: at now something happens, and then this is
// the verdict. Times are in milliseconds; the probe's period is 2 s, so an echo
// is late after 3,000 and given up after 5,000.
type scene struct {
	now    int
	event  string // "echo" of the probe sent at sent, "lost", "" nothing
	sent   int
	push   fallback.Push
	reason fallback.Reason
}

func TestHealthStories(t *testing.T) {
	const (
		healthy, degraded, down    = fallback.Healthy, fallback.Degraded, fallback.Down
		none, starting, source     = fallback.ReasonNone, fallback.ReasonStarting, fallback.ReasonSource
		lateEcho, noEcho, recovers = fallback.ReasonLateEcho, fallback.ReasonNoEcho, fallback.ReasonRecovering
	)
	for name, story := range map[string][]scene{
		"a fresh gateway trusts its first echo": {
			{0, "", 0, down, starting},
			{60_000, "", 0, down, starting},
			{60_100, "echo", 60_090, healthy, none},
		},
		"a fresh gateway whose source is not up yet": {
			{0, "lost", 0, down, source},
			{2_000, "lost", 0, down, source},
			{4_010, "echo", 4_000, healthy, none},
		},
		"a first echo too old to prove anything is no start": {
			{9_000, "echo", 3_999, down, starting},
			{9_100, "echo", 9_050, healthy, none},
		},
		"a first echo that is merely late is a start": {
			{9_000, "echo", 5_000, degraded, lateEcho},
			{9_100, "echo", 9_050, healthy, none},
		},
		"echoes stop: doubt after 3 s, down after 5 s": {
			{10, "echo", 0, healthy, none},
			{3_000, "", 0, healthy, none},
			{3_001, "", 0, degraded, lateEcho},
			{5_000, "", 0, degraded, lateEcho},
			{5_001, "", 0, down, noEcho},
			{3_600_000, "", 0, down, noEcho},
		},
		"an echo is as old as its probe, not as its arrival": {
			{10, "echo", 0, healthy, none},
			{4_500, "echo", 2_000, healthy, none},
			{5_001, "", 0, degraded, lateEcho},
			{7_001, "", 0, down, noEcho},
		},
		"doubt alone needs no recovery": {
			{10, "echo", 0, healthy, none},
			{4_000, "", 0, degraded, lateEcho},
			{4_010, "echo", 4_000, healthy, none},
		},
		"after an outage five in a row": {
			{10, "echo", 0, healthy, none},
			{6_000, "", 0, down, noEcho},
			{8_010, "echo", 8_000, degraded, recovers},
			{10_010, "echo", 10_000, degraded, recovers},
			{12_010, "echo", 12_000, degraded, recovers},
			{14_010, "echo", 14_000, degraded, recovers},
			{16_010, "echo", 16_000, healthy, none},
		},
		"an outage that nobody asked about is an outage": {
			{10, "echo", 0, healthy, none},
			{6_010, "echo", 6_000, degraded, recovers},
		},
		"a gap just short of an outage is none": {
			{10, "echo", 0, healthy, none},
			{5_000, "echo", 4_990, healthy, none},
		},
		"a late echo breaks the row": {
			{10, "echo", 0, healthy, none},
			{8_010, "echo", 8_000, degraded, recovers},
			{10_010, "echo", 10_000, degraded, recovers},
			{12_010, "echo", 12_000, degraded, recovers},
			{14_010, "echo", 14_000, degraded, recovers},
			{17_100, "echo", 14_050, degraded, lateEcho},
			{17_150, "echo", 17_140, degraded, recovers}, // the first, not the fifth
			{19_150, "echo", 19_140, degraded, recovers},
			{21_150, "echo", 21_140, degraded, recovers},
			{23_150, "echo", 23_140, degraded, recovers},
			{25_150, "echo", 25_140, healthy, none},
		},
		"a missing echo breaks the row": {
			{10, "echo", 0, healthy, none},
			{8_010, "echo", 8_000, degraded, recovers},
			{10_010, "echo", 10_000, degraded, recovers},
			{12_010, "echo", 12_000, degraded, recovers},
			{14_010, "echo", 14_000, degraded, recovers},
			{18_010, "echo", 18_000, degraded, recovers}, // 16,000 never came: one again
			{20_010, "echo", 20_000, degraded, recovers},
			{22_010, "echo", 22_000, degraded, recovers},
			{24_010, "echo", 24_000, degraded, recovers},
			{26_010, "echo", 26_000, healthy, none},
		},
		"a late echo counts for nothing in the row": {
			{10, "echo", 0, healthy, none},
			{9_500, "echo", 6_000, degraded, lateEcho},
			{9_510, "echo", 9_000, degraded, recovers},
			{11_010, "echo", 11_000, degraded, recovers},
			{13_010, "echo", 13_000, degraded, recovers},
			{15_010, "echo", 15_000, degraded, recovers},
			{17_010, "echo", 17_000, healthy, none},
		},
		"the source says so": {
			{10, "echo", 0, healthy, none},
			{100, "lost", 0, down, source},
			{6_000, "", 0, down, source},
			{8_010, "echo", 8_000, degraded, recovers},
		},
		"a loss is down even if the next echo is quick": {
			{10, "echo", 0, healthy, none},
			{100, "lost", 0, down, source},
			{210, "echo", 200, degraded, recovers},
			{220, "echo", 210, degraded, recovers},
			{230, "echo", 220, degraded, recovers},
			{240, "echo", 230, degraded, recovers},
			{250, "echo", 240, healthy, none},
		},
		"an echo sent before the loss does not undo it": {
			{10, "echo", 0, healthy, none},
			{2_005, "lost", 0, down, source},
			{2_010, "echo", 2_000, down, source},
			{2_020, "echo", 2_005, down, source},
			{2_030, "echo", 2_006, degraded, recovers},
		},
		"an earlier loss, reported after a later one": {
			{10, "echo", 0, healthy, none},
			{5_000, "lost", 0, down, source},
			{4_000, "lost", 0, down, source},
			{5_010, "echo", 4_500, down, source},
			{5_020, "echo", 5_001, degraded, recovers},
		},
		"a loss in the middle of recovery starts it again": {
			{10, "echo", 0, healthy, none},
			{100, "lost", 0, down, source},
			{2_010, "echo", 2_000, degraded, recovers},
			{4_010, "echo", 4_000, degraded, recovers},
			{6_010, "echo", 6_000, degraded, recovers},
			{8_010, "echo", 8_000, degraded, recovers},
			{8_020, "lost", 0, down, source},
			{10_010, "echo", 10_000, degraded, recovers},
		},
		"an overtaken echo moves nothing back": {
			{4_010, "echo", 4_000, healthy, none},
			{4_020, "echo", 2_000, healthy, none},
			{7_000, "", 0, healthy, none},
			{7_001, "", 0, degraded, lateEcho},
		},
		"the same echo twice counts once": {
			{10, "echo", 0, healthy, none},
			{100, "lost", 0, down, source},
			{210, "echo", 200, degraded, recovers},
			{220, "echo", 200, degraded, recovers},
			{230, "echo", 200, degraded, recovers},
			{240, "echo", 200, degraded, recovers},
			{250, "echo", 200, degraded, recovers},
		},
		"an echo from the future is one from now": {
			{1_000, "echo", 900_000, healthy, none},
			{4_001, "", 0, degraded, lateEcho},
			{6_001, "", 0, down, noEcho},
		},
		"a loss reported late still counts as an outage": {
			{2_010, "echo", 2_000, healthy, none},
			{1_990, "lost", 0, degraded, recovers},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := fallback.NewHealth(2 * time.Second)
			for _, s := range story {
				now := at(ms(s.now))
				report(h, s, now)
				v := h.Verdict(now)
				if v.Push != s.push || v.Reason != s.reason {
					t.Errorf("%d ms, %q: %v %q, want %v %q", s.now, s.event, v.Push, v.Reason, s.push, s.reason)
				}
			}
		})
	}
}

func report(h *fallback.Health, s scene, now time.Time) {
	switch s.event {
	case "echo":
		h.Echo(at(ms(s.sent)), now)
	case "lost":
		h.Lost("source", now)
	}
}

func TestVerdictNamesItsEvidence(t *testing.T) {
	h := fallback.NewHealth(0) // 2 s
	if v := h.Verdict(epoch); v.Echoed || !v.LastEcho.IsZero() || !v.Until.IsZero() {
		t.Errorf("before the first echo: %+v", v)
	}
	h.Echo(at(ms(100)), at(ms(150)))
	v := h.Verdict(at(ms(200)))
	want := fallback.Verdict{
		Push: fallback.Healthy, LastEcho: at(ms(100)), Echoed: true, Until: at(ms(3_100) + 1),
	}
	if v != want {
		t.Errorf("verdict = %+v, want %+v", v, want)
	}
}

func TestVerdictPassesTheLatestReasonOn(t *testing.T) {
	h := fallback.NewHealth(0)
	h.Echo(at(0), at(0))
	for i, why := range []fallback.Reason{"misconf", "source"} {
		now := at(ms(100 * (i + 1)))
		h.Lost(why, now)
		if v := h.Verdict(now); v.Push != fallback.Down || v.Reason != why {
			t.Errorf("told %q: %v %q", why, v.Push, v.Reason)
		}
	}
}
