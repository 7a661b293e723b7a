//go:build !unix

package limits

// Files returns how many streams the process' file limit leaves room for. This system has none to ask for;
// limits.streams can set one.
func Files() int { return 10_000 }
