package fallback_test

import (
	"reflect"
	"testing"
	"time"

	"nudge/fallback"
)

func TestOverride(t *testing.T) {
	percent, ramp := 10, time.Duration(0)
	own := fallback.Flag{Enabled: true, Percent: 50, Include: []string{"42"}, Exclude: []string{"7"}, Ramp: time.Minute}
	with := func(change func(*fallback.Flag)) fallback.Flag {
		f := own
		change(&f)
		return f
	}
	off := with(func(f *fallback.Flag) { f.Enabled = false })
	for name, test := range map[string]struct {
		override fallback.Override
		own      fallback.Flag
		want     fallback.Flag
	}{
		"off":                         {fallback.Override{}, own, off},
		"off at once":                 {fallback.Override{Ramp: &ramp}, own, with(func(f *fallback.Flag) { f.Enabled, f.Ramp = false, 0 })},
		"on changes nothing":          {fallback.Override{Enabled: true}, own, own},
		"on for some":                 {fallback.Override{Enabled: true, Percent: &percent}, own, with(func(f *fallback.Flag) { f.Percent = 10 })},
		"on for some, at once":        {fallback.Override{Enabled: true, Percent: &percent, Ramp: &ramp}, own, with(func(f *fallback.Flag) { f.Percent, f.Ramp = 10, 0 })},
		"off itself, told on":         {fallback.Override{Enabled: true, Percent: &percent, Ramp: &ramp}, off, off},
		"off itself, told off":        {fallback.Override{Ramp: &ramp}, off, off},
		"never set up, told to be on": {fallback.Override{Enabled: true}, fallback.Flag{}, fallback.Flag{}},
	} {
		if got := test.override.Over(test.own); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
