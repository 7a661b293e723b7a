//go:build !unix

package gateway

// FileLimit is how many streams the process' file limit leaves room for. This system has none to ask for;
// limits.streams can set one.
func FileLimit() int { return 10_000 }
