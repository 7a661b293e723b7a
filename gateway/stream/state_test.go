package stream

import (
	"fmt"
	"testing"
	"time"
)

func TestCovered(t *testing.T) {
	s := in(Open, settled)
	for _, covers := range []bool{false, false, true, true, false} {
		if s.Covered(covers); s.Uncovered() == covers {
			t.Errorf("covered %v: uncovered %v", covers, s.Uncovered())
		}
	}
	if want := in(Open, settled, uncovered); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

// A stream ends at the first of its ends, for the reason of that one.
func TestEndAt(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	type end struct {
		at  time.Time
		why Reason
	}
	for _, test := range []struct {
		ends []end
		want uint32
		why  Reason
	}{
		{nil, 0, Drain},
		{[]end{{time.Time{}, Expired}}, 0, Drain},
		{[]end{{at(5), Expired}}, 5, Expired},
		{[]end{{at(5), Expired}, {at(4), Rotate}}, 4, Rotate},
		{[]end{{at(4), Rotate}, {at(5), Expired}}, 4, Rotate},
		{[]end{{at(4), Rotate}, {at(4), Expired}}, 4, Rotate},
		{[]end{{at(4), Rotate}, {time.Time{}, Expired}}, 4, Rotate},
		{[]end{{at(4).Add(1), Rotate}}, 5, Rotate}, // rounded up: never before its time
	} {
		s := NewState(Owner{}, time.Time{})
		for _, e := range test.ends {
			s.EndAt(e.at, e.why)
		}
		if s.Ends() != test.want || s.Why() != test.why {
			t.Errorf("%v: %d %s", test, s.Ends(), s.Why())
		}
	}
}

func TestLeft(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, test := range []struct {
		expires time.Time
		want    time.Duration
	}{
		{time.Time{}, -1},
		{now.Add(time.Minute), time.Minute},
		{now, 0},
		{now.Add(-time.Minute), 0}, // believed for the leeway, but nothing is left
	} {
		owner := Owner{1, 20: 9}
		s := NewState(owner, test.expires)
		if got := s.Left(now); got != test.want || s.Owner != owner || s.Stage() != Arriving {
			t.Errorf("%v: %v, %+v", test.expires, got, s)
		}
	}
}

func TestFinished(t *testing.T) {
	s, _ := in(Open).Decide(Input{Event: Dismissed})
	if s.Stage() != Closing || s.Why() != Drain {
		t.Errorf("%+v", s)
	}
	if s.Finished(); s.Stage() != Lingering || s.Why() != Drain {
		t.Errorf("%+v", s)
	}
}

// Patience is two heartbeats and the grace, as docs/protocol.md says.
func TestTimes(t *testing.T) {
	if got := Patience(25 * time.Second); got != 80*time.Second {
		t.Error(got)
	}
	now := time.Unix(1000, 0)
	for u, want := range map[float64]time.Duration{0: 80 * time.Second, 0.5: 100 * time.Second, 1: 120 * time.Second} {
		if got := Rotation(100*time.Second, now, u).Sub(now); got != want {
			t.Errorf("%v: %v", u, got)
		}
	}
	if got := Rotation(0, now, 0.5); !got.IsZero() {
		t.Error(got)
	}
	for range 100 {
		if got := RetryTime(); got < time.Second || got >= 5*time.Second {
			t.Fatal(got)
		}
	}
}

func TestReasons(t *testing.T) {
	for i, why := range Reasons() {
		if int(why.code()) != i {
			t.Errorf("%s has code %d", why, why.code())
		}
	}
	Reasons()[0] = Gone // the caller's own
	if got := fmt.Sprint(Reasons()); got != "[drain rotate off expired revoked overload gone stuck]" {
		t.Error(got)
	}
}
