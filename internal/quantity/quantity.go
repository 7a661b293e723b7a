// Package quantity writes numbers for people.
package quantity

import "fmt"

// Any is what is counted or measured.
type Any interface {
	~int | ~int64 | ~uint64 | ~float64
}

// Number writes n without a fraction, with a comma before each three digits: 12,345.
func Number[N Any](n N) string {
	text := fmt.Sprintf("%.0f", float64(n))
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Of writes n with its noun: 1 stream, 2 streams.
func Of[N Any](n N, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return Number(n) + " " + thing
}
