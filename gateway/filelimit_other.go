//go:build !unix

package gateway

// fileLimit is how many streams the process' file limit leaves room for. This system has none to ask for;
// limits.streams can set one.
func fileLimit() int { return 10_000 }
