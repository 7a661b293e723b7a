// Package load is nudge load: it opens many streams of a gateway, publishes advances, and measures connects and deliveries.
//
// One process publishes and adds up; one or more processes of the same binary read, each with a single thread
// and an epoll, so that measuring 19,000 streams costs a few megabytes and no goroutine for any of them.
//
// # How latency is measured
//
// The published version is the Unix time in microseconds at the publish call. So a reader knows how long the delivery took.
// Publisher and readers share only the machine's monotonic clock, so a change of the system's clock has no effect. The
// latency includes the publish call and the reading: with 10,000 readers on the cores of the gateway, the last one would be
// late even with a perfect server.
//
// # What is counted
//
// An advance is delivered to a stream when the reader reads it, as a version or in a later hello. A stream may skip
// advances, as the protocol allows. A stream is lost if it lacks the newest version of one of its projects at the end.
// Versions that this run did not publish do not count.
//
// The result as JSON is [Result]; its fields are never renamed, and new ones may come.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Defaults of [Options], where zero does not mean none.
const (
	DefaultGateway  = "http://127.0.0.1:8080"
	DefaultStreams  = 1000
	DefaultProjects = 100
	DefaultPrefix   = "load-"
	DefaultTimeout  = 30 * time.Second
	DefaultGrace    = 5 * time.Second
)

const (
	// perProcess limits the streams of one reading process. A limit of 20,000 files leaves room for this many, and one
	// thread can serve about as many.
	perProcess = 19_000
	// ownFiles is how many files a reading process needs besides its streams.
	ownFiles = 64
	// mostProcesses limits the reading processes. The workers that an advance has not reached yet are the bits of a uint64.
	mostProcesses = 64
	// mostPerStream is the most projects that any gateway lets one stream watch.
	mostPerStream = 64
)

// Advance is the news that a project has reached a version.
type Advance struct {
	Project string
	Version int64
}

// Options say what to do to which gateways.
type Options struct {
	Gateways  []string // plain HTTP URLs, base path included; streams are spread over them. Empty: DefaultGateway
	Streams   int      // to open; 0: DefaultStreams
	Projects  int      // that they watch; 0: DefaultProjects, or Streams if that is less
	PerStream int      // projects of each stream, 1 to 64 and not above Projects; 0: 1
	Prefix    string   // of the projects' names, which end in a number from 0; "": DefaultPrefix

	Rate     float64       // advances per second over all projects, in turn; 0: none
	Window   int           // instead of Rate: how many advances are under way at once; 0: by Rate
	Duration time.Duration // of publishing, or of holding the streams if nothing is published
	Settle   time.Duration // wait between the last connect and the reading of memory
	Grace    time.Duration // for the newest versions to arrive at the end; 0: DefaultGrace

	Inflight  int           // connects under way at once; 0: no limit
	Timeout   time.Duration // for a stream's hello; 0: DefaultTimeout
	Reconnect bool          // after settling, close all streams at once and open them again at once
	Reopen    bool          // reopen streams that end, at the time that their goodbye says

	Tokens  []string // of the streams, in turn; empty: none is sent
	Sources []string // local addresses to connect from, in turn; empty: loopback ones if needed, else the system's choice
	Workers int      // reading processes; 0: as the file limit demands
	PIDs    []int    // the gateways' processes; empty: found by their port, if they are on this machine

	// Publish publishes the advances, in order, and tells how many were not newer than what is stored.
	// It is called from one goroutine. Needed with Rate or Window.
	Publish func(context.Context, []Advance) (stale int, err error)
	// Command runs a reading process: [Worker] on its standard input and output.
	Command []string
	// Progress gets a line now and then, or one that changes if it is a terminal; nil: none.
	Progress io.Writer
}

// Check returns a mistake in the options, and what to write instead. [Run] checks too.
func (o Options) Check() error {
	_, err := o.filled()
	return err
}

// filled is the options with their defaults.
func (o Options) filled() (Options, error) {
	if len(o.Gateways) == 0 {
		o.Gateways = []string{DefaultGateway}
	}
	if o.Streams == 0 {
		o.Streams = DefaultStreams
	}
	if o.Projects == 0 {
		o.Projects = min(DefaultProjects, max(o.Streams, 1))
	}
	if o.PerStream == 0 {
		o.PerStream = 1
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	return o, o.refusal()
}

func (o Options) refusal() error {
	for _, n := range []struct {
		flag  string
		value int
		most  int
	}{
		{"streams", o.Streams, math.MaxInt},
		{"projects", o.Projects, math.MaxInt},
		{"projects-per-stream", o.PerStream, mostPerStream},
		{"window", o.Window, math.MaxInt},
		{"inflight", o.Inflight, math.MaxInt},
		{"workers", o.Workers, mostProcesses},
	} {
		if n.value < 0 {
			return fmt.Errorf("--%s: %d is below 0; write 0 or more", n.flag, n.value)
		}
		if n.value > n.most {
			return fmt.Errorf("--%s: %d is above %d; write %[3]d or less", n.flag, n.value, n.most)
		}
	}
	switch {
	case o.PerStream > o.Projects:
		return fmt.Errorf("--projects-per-stream: %d is more than all projects, %d; write more --projects", o.PerStream, o.Projects)
	case !(o.Rate >= 0 && o.Rate <= 1e6):
		return fmt.Errorf("--rate: %v is not from 0 to 1000000 advances per second; write a number such as 10", o.Rate)
	case o.Rate > 0 && o.Window > 0:
		return errors.New("--rate and --window contradict each other: a window publishes as fast as deliveries allow; give one of them")
	case o.publishes() && o.Duration <= 0:
		return fmt.Errorf("--duration: %v is no time to publish for; write one such as 30s, or --rate 0", o.Duration)
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"duration", o.Duration}, {"settle", o.Settle}, {"grace", o.Grace}, {"connect-timeout", o.Timeout}} {
		if d.value < 0 {
			return fmt.Errorf("--%s: %v is below 0; write one such as 30s", d.flag, d.value)
		}
	}
	for i := range len(o.Prefix) {
		if c := o.Prefix[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._~:-", c) >= 0) {
			return fmt.Errorf("--prefix %q: character %q is not allowed in a project's name; use A-Z a-z 0-9 . _ ~ : -", o.Prefix, c)
		}
	}
	if len(o.Prefix) > 100 {
		return fmt.Errorf("--prefix: %d characters are too many; write 100 or less", len(o.Prefix))
	}
	for _, s := range o.Sources {
		if _, err := netip.ParseAddr(s); err != nil {
			return fmt.Errorf("--source %q is no address; write one of this machine, such as 127.0.0.2", s)
		}
	}
	for _, g := range o.Gateways {
		if _, err := parseGateway(g); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) publishes() bool { return o.Rate > 0 || o.Window > 0 }

func parseGateway(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@"): // not repeated: it may be a password
		return nil, errors.New("the URL of a gateway has a user or a password, which gateways do not take; leave it out")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("--gateway %q is no URL; write one like %s", text, DefaultGateway)
	case u.Scheme == "https":
		return nil, fmt.Errorf("gateway %q: the readers speak plain HTTP only; name the gateway's own listener, before the proxy or without tls.cert", text)
	}
	return u, nil
}
