//go:build !unix

package limits

// Files returns how many streams the process may hold. This system has no file limit to ask for; limits.streams sets one.
func Files() int { return 10_000 }
