package status

import (
	"fmt"
	"math"
	"testing"
	"time"

	"nudge/fallback"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// lived is a history of a gateway with a stream more every 10 s, and ten polls saved in each second.
func lived(steps int) *History {
	h := NewHistory()
	for i := range steps + 1 {
		h.Add(Sample{fallback.Healthy, Figures[float64]{Streams: float64(i), Saved: float64(i) * 100, Asked: float64(i) * 20}}, noon.Add(time.Duration(i)*Every))
	}
	return h
}

// The rings never grow: an hour of points 10 s apart, and a day of points 5 minutes apart.
func TestHistoryIsBounded(t *testing.T) {
	const steps = 2 * 24 * 360 // two days
	a := lived(steps).Answer(0)
	if n := len(a.Hour.At); n != 360 || a.Hour.EveryMS != 10_000 {
		t.Errorf("%d points in the hour", n)
	}
	if n := len(a.Day.At); n != 288 || a.Day.EveryMS != 300_000 {
		t.Errorf("%d points in the day", n)
	}
	end := noon.Add(48 * time.Hour).Unix()
	if first, last := a.Hour.At[0], a.Hour.At[359]; first != end-3590 || last != end {
		t.Errorf("the hour is from %d to %d before its end", end-first, end-last)
	}
	if first, last := a.Day.At[0], a.Day.At[287]; first != end-287*300 || last != end {
		t.Errorf("the day is from %d to %d before its end", end-first, end-last)
	}
	if got := a.Hour.Streams[359]; got != steps {
		t.Errorf("%v streams at the end", got)
	}
	if got := a.Day.Streams[287]; got != steps-14.5 { // the mean of the last 30 points
		t.Errorf("%v streams in the last five minutes", got)
	}
	if a.Hour.Saved[359] != 10 || a.Day.Saved[287] != 10 || a.Hour.Asked[0] != 2 {
		t.Errorf("per second: saved %v and %v, asked %v", a.Hour.Saved[359], a.Day.Saved[287], a.Hour.Asked[0])
	}
	if a.Bytes > 30_000 {
		t.Errorf("the points take %d bytes; docs/monitoring.md says 26 kB", a.Bytes)
	}
}

// Whoever has points gets those after them.
func TestHistoryAfter(t *testing.T) {
	h := lived(700)
	a := h.Answer(0)
	last := a.Hour.At[359]
	if a := h.Answer(last - 10); len(a.Hour.At) != 1 || a.Hour.At[0] != last {
		t.Errorf("%v", a.Hour.At)
	}
	if a := h.Answer(math.MaxInt64); len(a.Hour.At)+len(a.Day.At) != 0 {
		t.Errorf("%v %v", a.Hour.At, a.Day.At)
	}
}

// A short outage is seen in the day, too: the worst state of five minutes counts.
func TestHistoryKeepsTheWorst(t *testing.T) {
	h := NewHistory()
	for i := range 62 {
		push := fallback.Healthy
		if i == 17 {
			push = fallback.Down
		}
		h.Add(Sample{Push: push}, noon.Add(time.Duration(i)*Every))
	}
	a := h.Answer(0)
	if got := fmt.Sprint(a.Day.Push); got != "[down healthy]" {
		t.Error(got)
	}
}

// The time axis never runs backwards, whatever the clock does, and a counter that is lower is no negative rate.
func TestHistoryClockSetBack(t *testing.T) {
	h := lived(20)
	back := noon.Add(100 * time.Second)
	for i := range 3 {
		h.mu.Lock()
		h.lastAt = back.Add(time.Duration(i-1) * Every) // as by the clock that does not jump
		h.mu.Unlock()
		h.Add(Sample{}, back.Add(time.Duration(i)*Every))
	}
	a := h.Answer(0)
	for i := 1; i < len(a.Hour.At); i++ {
		if a.Hour.At[i] <= a.Hour.At[i-1] {
			t.Errorf("%d after %d", a.Hour.At[i], a.Hour.At[i-1])
		}
	}
	if n := len(a.Hour.At); n != 12 || a.Hour.Asked[9] != 0 {
		t.Errorf("%d points, asked %v", n, a.Hour.Asked)
	}
	h.Add(Sample{}, back) // twice the same moment
	if again := h.Answer(0); len(again.Hour.At) != 12 {
		t.Errorf("%d points", len(again.Hour.At))
	}
}

// The last 50 changes are kept. Those of the fleet, which any publisher can cause, do not hide the others.
func TestChanges(t *testing.T) {
	h := NewHistory()
	h.Note(Change{Kind: Push, Text: "push is down", Reason: "source"})
	for i := range 1000 {
		h.Note(Change{Kind: Fleet, Text: fmt.Sprint("gateway ", i)})
	}
	a := h.Answer(0).Changes
	if len(a) != 26 || a[0].Text != "gateway 999" || a[25].Reason != "source" {
		t.Errorf("%d changes, %v … %v", len(a), a[0], a[len(a)-1])
	}
	for i := range 1000 {
		h.Note(Change{Kind: Flag, Text: fmt.Sprint("flag ", i)})
	}
	a = h.Answer(0).Changes
	if len(a) != 50 || a[0].Text != "flag 999" || a[49].Text != "flag 950" {
		t.Errorf("%d changes, %v … %v", len(a), a[0], a[len(a)-1])
	}
	h.Note(Change{Kind: Fleet, Text: "x"})
	if a = h.Answer(0).Changes; len(a) != 50 || a[0].Text != "x" {
		t.Errorf("%d changes, %v", len(a), a[0])
	}
	h.Note(Change{Kind: Reload, Text: string(make([]byte, 10_000))})
	if n := len(h.Answer(0).Changes[0].Text); n > 510 {
		t.Errorf("%d bytes", n)
	}
}
