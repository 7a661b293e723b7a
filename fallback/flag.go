package fallback

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Flag is the feature flag: who gets push, and how slowly a change takes effect. The
// zero value gives push to nobody. A Flag does not change; a reload makes a new one.
type Flag struct {
	// Enabled false gives push to nobody, whatever the rest says.
	Enabled bool
	// Percent of subjects that get push; 0 or less nobody, 100 or more everybody, callers without a subject included.
	Percent int
	// Include names the projects that push serves, each an id or a prefix with a trailing "*". Empty: all of them.
	Include []string
	// Exclude names projects that push does not serve, likewise. It wins over Include.
	Exclude []string
	// Ramp is how long a change of the flag takes; see [Ramp]. 0: at once.
	Ramp time.Duration
}

// Allows reports whether a caller of this bucket gets push for the project.
func (f Flag) Allows(b Bucket, project string) bool {
	if !f.AllowsCaller(b) || matches(f.Exclude, project) {
		return false
	}
	return len(f.Include) == 0 || matches(f.Include, project)
}

// AllowsCaller reports whether a caller of this bucket may get push for any
// project. It is the answer for a caller who names none.
func (f Flag) AllowsCaller(b Bucket) bool {
	switch {
	case !f.Enabled:
		return false
	case f.Percent >= 100:
		return true
	case b == Nobody:
		return false
	default:
		return int(b) < f.Percent
	}
}

// Bucket is what a [Flag] knows of a caller: one of 100 equal parts of all subjects, 0 to 99, or [Nobody]. A percentage
// admits the buckets below it, so raising it only adds subjects.
type Bucket int8

// Nobody is the bucket of a caller without a subject.
const Nobody Bucket = -1

// BucketOf is the bucket of a subject, "" if unknown: the first 8 bytes of SHA-256("nudge:" + subject), big endian, modulo
// 100. This is a promise: it must never change, or an upgrade would reshuffle who has push. The prefix keeps it independent
// of other products that hash the same subjects.
func BucketOf(subject string) Bucket {
	if subject == "" {
		return Nobody
	}
	buf := make([]byte, 0, 128) // stays on the stack for all but very long subjects
	buf = append(buf, "nudge:"...)
	buf = append(buf, subject...)
	sum := sha256.Sum256(buf)
	return Bucket(binary.BigEndian.Uint64(sum[:8]) % 100)
}

// matches reports whether any of the patterns covers the project.
func matches(patterns []string, project string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
			return strings.HasPrefix(project, prefix)
		}
		return pattern == project
	})
}
