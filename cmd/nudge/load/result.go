package load

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is the result of a run. As JSON it is stable: fields are never renamed, and new ones may come. Figures that could
// not be measured are missing. Names ending in _s are seconds, in _ms milliseconds, in _us microseconds. All others are
// counts, or bytes where the comment says so.
type Result struct {
	Started     time.Time `json:"started"`
	TookS       float64   `json:"took_s"`
	Interrupted bool      `json:"interrupted"` // by Ctrl-C: the figures are those so far
	Plan        Plan      `json:"plan"`
	Connect     *Opening  `json:"connect,omitempty"`
	Reconnect   *Opening  `json:"reconnect,omitempty"` // all again, after all were closed at once
	Publish     *Publish  `json:"publish,omitempty"`
	Deliver     *Deliver  `json:"deliver,omitempty"`
	Streams     Streams   `json:"streams"`
	Server      Server    `json:"server"`
	Readers     Readers   `json:"readers"`
	// Problems are what went wrong, each with what to do next; empty if nothing did.
	Problems []string `json:"problems"`
}

// Plan is what was to be done.
type Plan struct {
	Gateways  []string `json:"gateways"`
	Streams   int      `json:"streams"`
	Projects  int      `json:"projects"`
	PerStream int      `json:"projects_per_stream"`
	Prefix    string   `json:"prefix"`
	Rate      float64  `json:"rate"`   // advances per second; 0 with a window, or without publishing
	Window    int      `json:"window"` // advances on their way at once; 0 with a rate
	DurationS float64  `json:"duration_s"`
	SettleS   float64  `json:"settle_s"`
	Inflight  int      `json:"inflight"` // connects under way at once; 0: no limit
	Workers   int      `json:"workers"`  // reading processes
	Sources   int      `json:"sources"`  // local addresses that were connected from; 0: the system's choice
}

// Opening is how all streams opened. A stream counts as open with its hello.
type Opening struct {
	Opened    int64            `json:"opened"`
	Refused   map[string]int64 `json:"refused"` // by HTTP status or goodbye reason, with the time to come back: "503/10s", "overload/5s"
	Failed    map[string]int64 `json:"failed"`  // by what went wrong: "connection refused", "no hello in time"
	TookS     float64          `json:"took_s"`  // from the first connect to the last hello
	PerSecond float64          `json:"per_second"`
	LatencyMS *Latency         `json:"latency_ms,omitempty"`    // connect call to hello
	ServerCPU float64          `json:"server_cpu_us,omitempty"` // of the gateways, per stream opened; missing if they used too little to tell

	details map[string]string // what the gateway said to the first of each kind
}

// Latency are percentiles.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99_9"`
	Max   float64 `json:"max"`
}

// Publish is how publishing went.
type Publish struct {
	Advances  int64    `json:"advances"`
	Failed    int64    `json:"failed"`
	Stale     int64    `json:"stale"`   // not newer than what was stored: somebody else publishes to these projects
	Dropped   int64    `json:"dropped"` // advances that a window stopped waiting for
	TookS     float64  `json:"took_s"`
	PerSecond float64  `json:"per_second"`
	CallMS    *Latency `json:"call_ms,omitempty"` // the publish call alone
	LateMS    float64  `json:"late_ms"`           // the most by which a call came after its time

	failure error
}

// Deliver is how advances reached the streams.
type Deliver struct {
	Delivered int64    `json:"delivered"`
	Skipped   int64    `json:"skipped"` // skipped for a newer one, as the protocol allows
	TookS     float64  `json:"took_s"`  // from the first publish call to the last delivery
	PerSecond float64  `json:"per_second"`
	LatencyMS *Latency `json:"latency_ms,omitempty"`    // publish call to the client's read
	AllMS     *Latency `json:"all_ms,omitempty"`        // publish call to the read of the last watcher, of each advance that nobody skipped
	ServerCPU float64  `json:"server_cpu_us,omitempty"` // of the gateways, per delivery, heartbeats included
	Bytes     float64  `json:"bytes"`                   // read, per delivery, heartbeats included
}

// Streams says how the streams ended, and what they read.
type Streams struct {
	Open       int              `json:"open"` // at the end
	Lost       int              `json:"lost"` // open, but not on the newest version of each of their projects
	Missing    int              `json:"missing"`
	Closed     map[string]int64 `json:"closed"` // after their hello, by goodbye reason; "end": without a goodbye
	Reopened   int64            `json:"reopened"`
	Hellos     int64            `json:"hellos"`
	Heartbeats int64            `json:"heartbeats"`
	Repeated   int64            `json:"repeated"` // versions that their stream knew already
	Foreign    int64            `json:"foreign"`  // versions that this run has not published
	Kept       int64            `json:"kept"`     // projects that hellos called denied or off
	Bytes      int64            `json:"bytes"`    // read
}

// Server is what the gateways' processes used, if they are on this machine.
type Server struct {
	PIDs []int `json:"pids,omitempty"`
	// BytesPerStream is the growth of Pss, without mapped files, from before the first connect until after settling, for
	// each open stream.
	// It is right only for gateways that were restarted: a gateway that held many streams before still has their memory.
	BytesPerStream *float64 `json:"bytes_per_stream,omitempty"`
	PssBefore      int64    `json:"pss_before_bytes,omitempty"`
	PssAfter       int64    `json:"pss_after_bytes,omitempty"`
	// SocketBytes is the growth of the TCP buffers of all processes (not of the sockets themselves): over loopback both ends.
	SocketBytes *int64  `json:"socket_bytes,omitempty"`
	CPUS        float64 `json:"cpu_s,omitempty"` // of the whole run
	FileLimit   int64   `json:"file_limit,omitempty"`
	Why         string  `json:"why,omitempty"` // why something is missing
}

// Readers is what reading cost.
type Readers struct {
	CPUS float64 `json:"cpu_s"` // of the whole run
	Busy float64 `json:"busy"`  // share of its time that a reader was at work while advances were published, 0 to 1
}

// latencyOf reads a histogram of µs.
func latencyOf(h *hdrhistogram.Histogram) *Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return &Latency{
		Count: h.TotalCount(), Mean: h.Mean() / 1000, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: at(100),
	}
}

// OK tells whether nothing was lost, refused or failed.
func (r *Result) OK() bool {
	for _, o := range []*Opening{r.Connect, r.Reconnect} {
		if o != nil && (len(o.Refused) > 0 || len(o.Failed) > 0) {
			return false
		}
	}
	return r.Streams.Lost == 0 && r.Streams.Missing == 0 && (r.Publish == nil || r.Publish.Failed == 0 && r.Publish.Dropped == 0)
}

// longest is the greatest latency that a histogram can record.
const longest = 10 * time.Minute

// newHistogram holds µs, exact to three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), 3)
}

// record adds a latency. A value out of range counts as the nearest value in range.
func record(h *hdrhistogram.Histogram, us int64) {
	_ = h.RecordValue(min(max(us, 1), longest.Microseconds()))
}

// encode encodes a histogram for sending; merge adds a histogram that was sent.
func encode(h *hdrhistogram.Histogram) ([]byte, error) {
	return h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
}

func merge(to *hdrhistogram.Histogram, text []byte) error {
	from, err := hdrhistogram.Decode(text)
	if err != nil {
		return fmt.Errorf("a reader's histogram: %w", err)
	}
	to.Merge(from)
	return nil
}
