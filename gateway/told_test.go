package gateway

import (
	"testing"

	"nudge/version"
)

func TestFollow(t *testing.T) {
	known := func(era uint32, v version.Version) version.State {
		return version.State{Listening: true, Known: true, Version: v, Era: era}
	}
	unknown := func(era uint32) version.State { return version.State{Listening: true, Era: era} }
	waiting := func(s version.State) told { // and told of versions all the same
		t := tell(s)
		t.waiting = true
		return t
	}
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
		{"greater", tell(known(0, 5)), known(0, 6), false, greater},
		{"equal", tell(known(0, 5)), known(0, 5), false, nothing},
		{"less, overtaken by a hello", tell(known(0, 5)), known(0, 4), false, nothing},
		{"first of all", tell(unknown(0)), known(0, 0), false, greater},
		{"still unknown", tell(unknown(0)), unknown(0), false, nothing},

		{"an era before, greater", tell(known(2, 5)), known(1, 9), false, nothing},
		{"an era before, reset", tell(known(2, 5)), known(1, 9), true, nothing},
		{"an era before, while waiting", waiting(unknown(2)), known(1, 9), true, nothing},

		{"reset", tell(known(0, 5)), known(1, 3), true, lower},
		{"reset upwards", tell(known(0, 5)), known(1, 8), true, lower},
		{"reset to the same", tell(known(0, 5)), known(1, 5), true, lower},
		{"two resets, one seen", tell(known(0, 5)), known(2, 3), true, anew},
		{"within the era that began with a reset", tell(known(1, 3)), known(1, 4), true, greater},
		{"reset seen already", tell(known(1, 3)), known(1, 3), true, nothing},
		{"reset of what was unknown", tell(unknown(0)), known(1, 3), true, anew},
		{"forgotten", tell(known(0, 5)), unknown(1), false, anew},
		{"forgotten, then news", tell(known(0, 5)), known(1, 6), false, anew},
		{"forgotten, then lower news", tell(known(0, 5)), known(1, 2), false, anew},
		{"forgotten twice", tell(unknown(1)), unknown(2), false, anew},

		{"confirmed", waiting(unknown(0)), known(0, 5), false, anew},
		{"confirmed without a key", waiting(unknown(0)), unknown(0), false, anew},
		{"confirmed in another era", waiting(unknown(0)), unknown(1), false, anew},
		{"news before it is confirmed", waiting(unknown(0)), deaf(known(0, 5)), false, greater},
		{"the same news again", waiting(known(0, 5)), deaf(known(0, 5)), false, nothing},
		{"confirmed after news", waiting(known(0, 5)), known(0, 5), false, anew},
		{"confirmed again after a gap", tell(known(0, 5)), known(0, 5), false, nothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFrame(version.Change{State: test.now, Reset: test.reset}, 0)
			if got := test.told.follow(f); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
