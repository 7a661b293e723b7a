// Package faults holds the suite that breaks Redis in every way that is known to leave a gateway deaf, and shows
// that Nudge never is: make faults. It has nothing to offer to other packages.
//
// Each scenario of the suite runs a gateway as nudge serve does, with 500 open streams on 200 projects, against
// Redis servers of its own, and publishes numbered versions throughout. What every stream was told, and when, is a
// [record]; [judge] says what was wrong with it, by the protocol's bounds, and [line] is what it comes to. The
// judge holds no clock and knows no Redis: its own tests show it bad histories.
package faults
