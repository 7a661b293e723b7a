// Package limits decides how much callers may use: how many streams, and how often they may ask. It knows nothing of HTTP:
// it returns refusals as [Refusal].
package limits

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"time"
)

// reservedFiles are descriptors for everything but streams: polls, Redis, listeners, files.
const reservedFiles = 512

// Settings are the limits. The comment of each says what zero means.
type Settings struct {
	Streams           int // open streams and held polls; 0: from the file limit
	GoroutineStreams  int // of these, those that cost a goroutine; 0: from the memory of the process
	ProjectsPerStream int // at most and by default 64
	Projects          int // listened for at once; 0: 200,000
	// StreamsPerSubject bounds the streams of one subject; of one network, if callers have no subject. 0: 256 of a subject.
	StreamsPerSubject int
	StreamsPerAddress int // of one network; 0: half of all, and none for loopback
	// PerSubject bounds the requests of one subject in a minute, by kind; those of one network to a multiple. 0: the default.
	PerSubject        [Requests]int
	ConnectsPerSecond int           // new streams and held polls; 0: no limit
	StreamAge         time.Duration // after which a stream is asked to come back, jittered; 0: never
	Body              int64         // bytes of a request's body; 0: 64 KiB
	// ConnectionsPerAddress bounds the connections of one address that carry no stream; 0: a quarter of all.
	ConnectionsPerAddress int
	TrustedProxies        []netip.Prefix // whose X-Forwarded-For is used, and whose connections are not bounded
}

// MostProjects is how many projects one stream may have, whatever the settings say.
const MostProjects = 64

// subjectStreams is the default of StreamsPerSubject: far more tabs than one person has open.
const subjectStreams = 256

// leastPerAddress bounds the default of StreamsPerAddress from below.
const leastPerAddress = 64

// perSubject returns how many streams c may have by its name; 0: no limit. By default a caller without a subject has none
// here: with auth.open all callers are such, and may come through a proxy.
func (s Settings) perSubject(c Caller) int {
	if s.StreamsPerSubject <= 0 && c.Subject != "" {
		return subjectStreams
	}
	return s.StreamsPerSubject
}

// perAddress returns how many streams the network of c may have; 0: no limit. By default one network may have half of all:
// an office behind one address works, and one attacker leaves room for others. A loopback address is a proxy.
func (s Settings) perAddress(c Caller) int {
	if s.StreamsPerAddress <= 0 && c.Address.IsValid() && !c.Address.IsLoopback() {
		return max(s.Streams/2, leastPerAddress)
	}
	return s.StreamsPerAddress
}

// WithDefaults returns s with the defaults filled in that are the same for all callers. [Admission] and [Quotas] need them.
func (s Settings) WithDefaults() Settings {
	s.Streams, s.GoroutineStreams = cmp.Or(s.Streams, Files()), cmp.Or(s.GoroutineStreams, memoryStreams())
	s.ProjectsPerStream = min(cmp.Or(s.ProjectsPerStream, MostProjects), MostProjects)
	s.Projects, s.Body = cmp.Or(s.Projects, 200_000), cmp.Or(s.Body, 64<<10)
	for kind, q := range quotas {
		s.PerSubject[kind] = cmp.Or(s.PerSubject[kind], q.perSubject)
	}
	return s
}

// WarnOfFiles warns if the limit of open files leaves room for fewer streams than s allows. Windows has no such limit.
func (s Settings) WarnOfFiles(log *slog.Logger) {
	if room := Files(); s.Streams > room && runtime.GOOS != "windows" {
		log.Warn("limits.streams is more than the limit of open files has room for; when none is left, new connections wait",
			"streams", s.Streams, "room", room, "fix", fmt.Sprintf("raise the limit of open files to %d (LimitNOFILE= of the systemd unit, or ulimit -n) "+
				"and restart, or lower limits.streams", s.Streams+reservedFiles))
	}
}

// Refusal says which limit a request exceeds.
type Refusal struct {
	Name       string // of the limit, one of [Names]
	Caller     bool   // the limit is one of the caller's own; else it is one of the whole gateway
	Reason     string
	RetryAfter time.Duration
}
