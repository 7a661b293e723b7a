package load

import (
	"net/netip"
	"strconv"

	"nudge/cmd/nudge/load/sse"
)

// task is the first line that a worker gets, as JSON: what to read. Commands follow, one per line.
type task struct {
	Clock     clockBase
	First     int // its first stream, counted over all workers
	Streams   int
	Layout    layout
	Targets   []target
	Tokens    []string // of its streams, in turn
	Sources   []string
	TimeoutUS int64
	Reopen    bool
}

// target is a gateway as a reader sees it.
type target struct {
	Addr netip.AddrPort
	Host string // for the header
	Path string // of the stream
}

// clockBase is one moment by the system's clock and by the machine's monotonic clock. The clocks of all processes of a run
// start from it. No version of the run is below it.
type clockBase struct {
	Day       int64 // Unix time, µs
	Monotonic int64 // ns
}

// command is what a worker has to do. All but open and close are answered.
type command struct {
	Do       string
	Inflight int       // open: of this worker; 0: no limit
	Log      [][]int64 // check: what was published, by project; not sent again with the next check
}

const (
	doOpen    = "open"    // all streams, anew
	doClose   = "close"   // all streams, at once
	doCount   = "count"   // who watches what
	doCheck   = "check"   // against what was published
	doCollect = "collect" // histograms
)

// report is one line of a worker.
type report struct {
	Counts *counts   `json:",omitempty"`
	There  []arrival `json:",omitempty"`
	Answer *answer   `json:",omitempty"`
}

// arrival says that all streams of a worker that watch a project have a version, and since when.
type arrival struct {
	Project int   `json:"p"`
	Version int64 `json:"v"`
	At      int64 `json:"t"`
}

// answer is a worker's answer to a command.
type answer struct {
	Watchers []int32 `json:",omitempty"` // by project
	Behind   int     // streams that lack the newest version of one of their projects
	Skipped  int64
	Latency  []byte `json:",omitempty"`
	Connect  []byte `json:",omitempty"`
}

// counts are what the readers have seen. Times are of the run's clock, in µs.
type counts struct {
	Round     int // how often all were opened
	Trying    int // streams that wait for their hello, or have not been tried yet
	Open      int // streams that had their hello and live
	Connected round

	Closed     map[string]int64 // streams that ended after their hello, by reason
	Reopened   int64
	Hellos     int64
	Heartbeats int64
	Delivered  int64
	Repeated   int64 // versions that their stream knew
	Foreign    int64 // versions that this run has not published
	Kept       int64 // projects denied, or switched off, in first hellos
	Bytes      int64
	Last       int64 // when the last advance was delivered
	CPU        int64 // of the worker, µs
}

// round is how the streams opened, the last time that all were.
type round struct {
	Opened  int64
	Refused map[string]int64  // by status or reason, with the time to come back: 503/10s, overload/5s
	Failed  map[string]int64  // by what went wrong
	Details map[string]string // the text of the first refusal of each kind
	Last    int64             // when the last hello came
}

func newRound() round {
	return round{Refused: map[string]int64{}, Failed: map[string]int64{}, Details: map[string]string{}}
}

func newCounts() counts { return counts{Connected: newRound(), Closed: map[string]int64{}} }

// add adds what another worker has seen.
func (c *counts) add(o counts) {
	c.Trying += o.Trying
	c.Open += o.Open
	c.Connected.Opened += o.Connected.Opened
	c.Connected.Last = max(c.Connected.Last, o.Connected.Last)
	addAll(c.Connected.Refused, o.Connected.Refused)
	addAll(c.Connected.Failed, o.Connected.Failed)
	for key, text := range o.Connected.Details {
		c.Connected.Details[key] = text
	}
	addAll(c.Closed, o.Closed)
	c.Reopened += o.Reopened
	c.Hellos += o.Hellos
	c.Heartbeats += o.Heartbeats
	c.Delivered += o.Delivered
	c.Repeated += o.Repeated
	c.Foreign += o.Foreign
	c.Kept += o.Kept
	c.Bytes += o.Bytes
	c.Last = max(c.Last, o.Last)
	c.CPU += o.CPU
}

func addAll(to, from map[string]int64) {
	for key, n := range from {
		to[key] += n
	}
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// mostKeys limits the keys of a map of counts, whatever a server sends.
const mostKeys = 50

// count adds one to a key. Beyond mostKeys all new keys count as one.
func count(m map[string]int64, key string) {
	if _, known := m[key]; !known && len(m) >= mostKeys {
		key = "other"
	}
	m[key]++
}

// share returns the part of n things that worker i gets: the first, and how many.
func share(n, workers, i int) (first, count int) {
	first = n * i / workers
	return first, n*(i+1)/workers - first
}

// layout says who watches what: stream s, counted over all workers, watches perStream projects from s on.
type layout struct {
	Prefix    string
	Projects  int
	PerStream int
}

// project is the j-th project of stream s.
func (l layout) project(s, j int) int { return (s + j) % l.Projects }

// slot is the reverse of project: project p is the slot-th project of stream s; -1: s does not watch p.
func (l layout) slot(s, p int) int {
	j := (p - s%l.Projects + l.Projects) % l.Projects
	if j >= l.PerStream {
		return -1
	}
	return j
}

func (l layout) name(p int) string { return l.Prefix + strconv.Itoa(p) }

// index is the reverse of name; -1: the run has no project of this name.
func (l layout) index(name []byte) int {
	if len(name) <= len(l.Prefix) || string(name[:len(l.Prefix)]) != l.Prefix {
		return -1
	}
	digits := name[len(l.Prefix):]
	if digits[0] == '0' && len(digits) > 1 {
		return -1
	}
	p, ok := sse.ParseDecimal(digits)
	if !ok || p >= int64(l.Projects) {
		return -1
	}
	return int(p)
}
