// Package exectest starts programs for tests. A program, and what it starts in turn, ends with the process of the test, even if
// that is killed and can clean up nothing.
package exectest
