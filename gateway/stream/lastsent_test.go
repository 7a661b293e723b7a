package stream

import (
	"testing"

	"pgregory.net/rapid"

	"nudge/version"
)

func TestFollow(t *testing.T) {
	known := func(era uint32, v version.Version) version.State {
		return version.State{Listening: true, Known: true, Version: v, Era: era}
	}
	unknown := func(era uint32) version.State { return version.State{Listening: true, Era: era} }
	tell := func(s version.State) LastSent { return NewLastSent(Served).Sent(s) }
	waiting := func(s version.State) LastSent { // and told of versions all the same
		l := tell(s)
		l.high |= waitingBit
		return l
	}
	deaf := func(s version.State) version.State {
		s.Listening = false
		return s
	}
	for _, test := range []struct {
		name  string
		sent  LastSent
		now   version.State
		reset bool
		want  Next
	}{
		{"greater", tell(known(0, 5)), known(0, 6), false, SendAdvance},
		{"equal", tell(known(0, 5)), known(0, 5), false, SendNothing},
		{"less, overtaken by a hello", tell(known(0, 5)), known(0, 4), false, SendNothing},
		{"first of all", tell(unknown(0)), known(0, 0), false, SendAdvance},
		{"still unknown", tell(unknown(0)), unknown(0), false, SendNothing},

		{"an era before, greater", tell(known(2, 5)), known(1, 9), false, SendNothing},
		{"an era before, reset", tell(known(2, 5)), known(1, 9), true, SendNothing},
		{"an era before, while waiting", waiting(unknown(2)), known(1, 9), true, SendNothing},

		{"reset", tell(known(0, 5)), known(1, 3), true, SendReset},
		{"reset upwards", tell(known(0, 5)), known(1, 8), true, SendReset},
		{"reset to the same", tell(known(0, 5)), known(1, 5), true, SendReset},
		{"two resets, one seen", tell(known(0, 5)), known(2, 3), true, SendHello},
		{"within the era that began with a reset", tell(known(1, 3)), known(1, 4), true, SendAdvance},
		{"reset seen already", tell(known(1, 3)), known(1, 3), true, SendNothing},
		{"reset of what was unknown", tell(unknown(0)), known(1, 3), true, SendHello},
		{"forgotten", tell(known(0, 5)), unknown(1), false, SendHello},
		{"forgotten, then news", tell(known(0, 5)), known(1, 6), false, SendHello},
		{"forgotten, then lower news", tell(known(0, 5)), known(1, 2), false, SendHello},
		{"forgotten twice", tell(unknown(1)), unknown(2), false, SendHello},

		{"confirmed", waiting(unknown(0)), known(0, 5), false, SendHello},
		{"confirmed without a key", waiting(unknown(0)), unknown(0), false, SendHello},
		{"confirmed in another era", waiting(unknown(0)), unknown(1), false, SendHello},
		{"news before it is confirmed", waiting(unknown(0)), deaf(known(0, 5)), false, SendAdvance},
		{"the same news again", waiting(known(0, 5)), deaf(known(0, 5)), false, SendNothing},
		{"confirmed after news", waiting(known(0, 5)), known(0, 5), false, SendHello},
		{"confirmed again after a gap", tell(known(0, 5)), known(0, 5), false, SendNothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := NewFrame(version.Change{State: test.now, Reset: test.reset}, 0, "")
			if got := test.sent.Follow(f); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// A page that was told that a project waits is told otherwise by a hello, whatever version events came meanwhile.
func TestWaitsUntilAHelloSaysOtherwise(t *testing.T) {
	news := NewFrame(version.Change{State: version.State{Known: true, Version: 7}}, 0, "")
	confirmed := NewFrame(version.Change{State: version.State{Listening: true, Known: true, Version: 7}}, 0, "")
	l := NewLastSent(Served).Sent(version.State{})
	if got := l.Follow(news); got != SendAdvance {
		t.Fatal(got)
	}
	l = l.After(news)
	if !l.Waiting() || !l.Known() || l.Version() != 7 || l.Follow(news) != SendNothing || l.Follow(confirmed) != SendHello {
		t.Errorf("%+v", l)
	}
}

func TestLastSentKeepsAllItIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := version.State{
			Listening: rapid.Bool().Draw(t, "listening"), Known: rapid.Bool().Draw(t, "known"),
			Version: version.Version(rapid.Int64Range(0, int64(version.Max)).Draw(t, "version")),
			Era:     rapid.Uint32().Draw(t, "era"),
		}
		a := rapid.SampledFrom([]Access{Served, Denied, Excluded}).Draw(t, "access")
		b := rapid.SampledFrom([]Access{Served, Denied, Excluded}).Draw(t, "another access")
		l := NewLastSent(b).Sent(s).WithAccess(a)
		if kept := NewLastSent(b).Sent(s).Access(); kept != b {
			t.Fatalf("access %d became %d", b, kept)
		}
		if l.Access() != a || l.Waiting() == s.Listening || l.era != s.Era {
			t.Fatalf("%+v became %+v", s, l)
		}
		if s.Listening && (l.Known() != s.Known || l.Version() != s.Version) {
			t.Fatalf("%+v became %+v", s, l)
		}
		if f := (&Frame{Change: version.Change{State: s}}); s.Listening && l.Follow(f) != SendNothing {
			t.Fatalf("%+v is sent twice", s)
		}
	})
}
