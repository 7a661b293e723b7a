package demo

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Switch is something that visitors may turn off and on.
type Switch struct {
	// On tells whether it is on.
	On func() bool
	// Set turns it on or off. Setting it to what it is changes nothing.
	Set func(on bool) error
}

// switches are those of the options and the application's own: "colleague" works, and "data": news carries the change.
func (a *App) switches() map[string]Switch {
	all := map[string]Switch{
		"colleague": {
			On:  func() bool { return !a.colleague.paused.Load() },
			Set: func(on bool) error { a.colleague.paused.Store(!on); return nil },
		},
		"data": {
			On:  func() bool { return !a.plain.Load() },
			Set: func(on bool) error { a.plain.Store(!on); return nil },
		},
	}
	maps.Copy(all, a.opts.Switches)
	return all
}

// readSwitches answers what is on: {"push":true,…}.
func (a *App) readSwitches(w http.ResponseWriter, _ *http.Request) error {
	on := map[string]bool{}
	for name, s := range a.switches() {
		on[name] = s.On()
	}
	return writeJSON(w, http.StatusOK, on)
}

// setSwitches takes the switches to turn, in the form that readSwitches answers, and answers all of them.
func (a *App) setSwitches(w http.ResponseWriter, r *http.Request) error {
	all := a.switches()
	names := slices.Sorted(maps.Keys(all))
	f, err := readFields(w, r, names...)
	if err != nil {
		return err
	}
	if len(f) == 0 {
		return wrong("body", fmt.Sprintf("turns no switch; send one like {%q:false}", names[0]))
	}
	for name, text := range f {
		if text != "true" && text != "false" {
			return wrong(name, fmt.Sprintf("must be true or false, such as {%q:false}", name))
		}
	}
	for name, text := range f {
		on, _ := strconv.ParseBool(text)
		if err := all[name].Set(on); err != nil {
			a.opts.Log.Error("switch not turned", "switch", name, "on", on, "error", err, "fix", "turn it again, or start the demo again")
			return err
		}
		a.opts.Log.Info("switch turned", "switch", name, "on", on)
	}
	return a.readSwitches(w, r)
}
