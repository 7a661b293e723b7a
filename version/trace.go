package version

import "regexp"

// Trace is the traceparent (W3C) of a publisher, of a trace that is recorded; "": none.
type Trace string

var traceForm = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f][13579bdf]$`) // the last bit: it is recorded

const noTrace, noSpan = "00000000000000000000000000000000", "0000000000000000"

// ParseTrace reads a traceparent. What is none, and a trace that is not recorded, is "": news never fails because of it.
func ParseTrace(text string) Trace {
	if len(text) != 55 {
		return ""
	}
	if m := traceForm.FindStringSubmatch(text); m == nil || m[1] == noTrace || m[2] == noSpan {
		return ""
	}
	return Trace(text)
}
