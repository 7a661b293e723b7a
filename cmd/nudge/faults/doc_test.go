// Package faults breaks Redis in every way that is known to cut a gateway off, and checks that Nudge notices: make faults.
// It consists of tests alone.
//
// Each scenario runs a gateway as nudge serve does, with 500 open streams on 200 projects, against Redis servers of its
// own, and publishes numbered versions all the time. A [record] holds what each stream was told, and when. [judge] compares
// it with the bounds of docs/protocol.md, and [line] is the summary of one scenario. The judge has no clock and knows no
// Redis: judge_cases_test.go gives it histories with faults.
package faults
