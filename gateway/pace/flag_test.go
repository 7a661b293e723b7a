package pace

import (
	"reflect"
	"testing"
	"time"

	"nudge/fallback"
	"nudge/version/control"
)

func TestOverrideOfTheFlag(t *testing.T) {
	percent, ramp := 10, control.Millis(0)
	own := fallback.Flag{Enabled: true, Percent: 50, Include: []string{"42"}, Exclude: []string{"7"}, Ramp: time.Minute}
	with := func(change func(*fallback.Flag)) fallback.Flag {
		f := own
		change(&f)
		return f
	}
	off := with(func(f *fallback.Flag) { f.Enabled = false })
	for name, test := range map[string]struct {
		override control.Override
		own      fallback.Flag
		want     fallback.Flag
	}{
		"off":                         {control.Override{}, own, off},
		"off at once":                 {control.Override{Ramp: &ramp}, own, with(func(f *fallback.Flag) { f.Enabled, f.Ramp = false, 0 })},
		"on changes nothing":          {control.Override{Enabled: true}, own, own},
		"on for some":                 {control.Override{Enabled: true, Percent: &percent}, own, with(func(f *fallback.Flag) { f.Percent = 10 })},
		"on for some, at once":        {control.Override{Enabled: true, Percent: &percent, Ramp: &ramp}, own, with(func(f *fallback.Flag) { f.Percent, f.Ramp = 10, 0 })},
		"off itself, told on":         {control.Override{Enabled: true, Percent: &percent, Ramp: &ramp}, off, off},
		"off itself, told off":        {control.Override{Ramp: &ramp}, off, off},
		"never set up, told to be on": {control.Override{Enabled: true}, fallback.Flag{}, fallback.Flag{}},
	} {
		if got := NewFlag(test.own, control.FlagEntry{Override: &test.override}); !reflect.DeepEqual(got.Flag, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got.Flag, test.want)
		}
	}
}
