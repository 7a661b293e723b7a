package gateway

import (
	"testing"

	"nudge/version"
)

func TestFollow(t *testing.T) {
	known := func(era uint64, v version.Version) version.State {
		return version.State{Listening: true, Known: true, Version: v, Era: era}
	}
	unknown := func(era uint64) version.State { return version.State{Listening: true, Era: era} }
	deaf := func(s version.State) version.State {
		s.Listening = false
		return s
	}
	for _, test := range []struct {
		name  string
		told  told
		now   version.State
		reset bool
		want  next
	}{
		{"greater", told{State: known(0, 5)}, known(0, 6), false, greater},
		{"equal", told{State: known(0, 5)}, known(0, 5), false, nothing},
		{"less, overtaken by a hello", told{State: known(0, 5)}, known(0, 4), false, nothing},
		{"first of all", told{State: unknown(0)}, known(0, 0), false, greater},
		{"still unknown", told{State: unknown(0)}, unknown(0), false, nothing},

		{"an era before, greater", told{State: known(2, 5)}, known(1, 9), false, nothing},
		{"an era before, reset", told{State: known(2, 5)}, known(1, 9), true, nothing},
		{"an era before, while waiting", told{State: deaf(unknown(2)), waiting: true}, known(1, 9), true, nothing},

		{"reset", told{State: known(0, 5)}, known(1, 3), true, lower},
		{"reset upwards", told{State: known(0, 5)}, known(1, 8), true, lower},
		{"reset to the same", told{State: known(0, 5)}, known(1, 5), true, lower},
		{"two resets, one seen", told{State: known(0, 5)}, known(2, 3), true, anew},
		{"within the era that began with a reset", told{State: known(1, 3)}, known(1, 4), true, greater},
		{"reset seen already", told{State: known(1, 3)}, known(1, 3), true, nothing},
		{"reset of what was unknown", told{State: unknown(0)}, known(1, 3), true, anew},
		{"forgotten", told{State: known(0, 5)}, unknown(1), false, anew},
		{"forgotten, then news", told{State: known(0, 5)}, known(1, 6), false, anew},
		{"forgotten, then lower news", told{State: known(0, 5)}, known(1, 2), false, anew},
		{"forgotten twice", told{State: unknown(1)}, unknown(2), false, anew},

		{"confirmed", told{State: deaf(unknown(0)), waiting: true}, known(0, 5), false, anew},
		{"confirmed without a key", told{State: deaf(unknown(0)), waiting: true}, unknown(0), false, anew},
		{"confirmed in another era", told{State: deaf(unknown(0)), waiting: true}, unknown(1), false, anew},
		{"news before it is confirmed", told{State: deaf(unknown(0)), waiting: true}, deaf(known(0, 5)), false, greater},
		{"the same news again", told{State: deaf(known(0, 5)), waiting: true}, deaf(known(0, 5)), false, nothing},
		{"confirmed after news", told{State: deaf(known(0, 5)), waiting: true}, known(0, 5), false, anew},
		{"confirmed again after a gap", told{State: known(0, 5)}, known(0, 5), false, nothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFrame(version.Change{State: test.now, Reset: test.reset})
			if got := test.told.follow(f); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
