// Package limits decides how much callers may use: how many streams, and how often they may ask. It knows nothing of HTTP:
// it returns refusals as [Refusal].
package limits

import (
	"net/netip"
	"time"
)

// Settings are the limits. The comment of each says what zero means.
type Settings struct {
	Streams           int           // open streams and held polls; 0: from the file limit
	GoroutineStreams  int           // of these, those that cost a goroutine; 0: from the memory limit
	ProjectsPerStream int           // at most and by default 64
	Projects          int           // listened for at once; 0: 200,000
	StreamsPerSubject int           // 0: no limit
	StreamsPerAddress int           // 0: no limit
	ConnectsPerSecond int           // new streams and held polls; 0: no limit
	StreamAge         time.Duration // after which a stream is asked to come back, jittered; 0: never
	Body              int64         // bytes of a request's body; 0: 64 KiB
	// ConnectionsPerAddress bounds the connections of one address that carry no stream; 0: a quarter of all.
	ConnectionsPerAddress int
	TrustedProxies        []netip.Prefix // whose X-Forwarded-For is used, and whose connections are not bounded
}

// MostProjects is how many projects one stream may have, whatever the settings say.
const MostProjects = 64

// WithDefaults returns s with the defaults of ProjectsPerStream, Projects and Body filled in.
func (s Settings) WithDefaults() Settings {
	if s.ProjectsPerStream <= 0 || s.ProjectsPerStream > MostProjects {
		s.ProjectsPerStream = MostProjects
	}
	if s.Projects <= 0 {
		s.Projects = 200_000
	}
	if s.Body <= 0 {
		s.Body = 64 << 10
	}
	return s
}

// Refusal says which limit a request exceeds.
type Refusal struct {
	Caller     bool // the limit is one of the caller's own; else it is one of the whole gateway
	Reason     string
	RetryAfter time.Duration
}
