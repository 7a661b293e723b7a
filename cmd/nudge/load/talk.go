package load

// orders are the first thing that a worker is told, as one line of JSON; commands follow, one a line.
type orders struct {
	Clock     meridian
	First     int // its first stream, counted over all workers
	Streams   int
	Layout    layout
	Targets   []target
	Tokens    []string // of its streams, in turn
	Sources   []string
	TimeoutUS int64
	Reopen    bool
}

// meridian is what all processes of a run agree upon: the time of day at one moment of the machine's monotonic
// clock. Versions of this run are not below it.
type meridian struct {
	Day       int64 // Unix time, µs
	Monotonic int64 // ns
}

// command is an order to a worker. All but open and close are answered with findings.
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
	Counts   *counts   `json:",omitempty"`
	There    []arrival `json:",omitempty"`
	Findings *findings `json:",omitempty"`
}

// arrival tells that all streams of a worker that watch a project stand on a version, and since when.
type arrival struct {
	Project int   `json:"p"`
	Version int64 `json:"v"`
	At      int64 `json:"t"`
}

// findings answer a command.
type findings struct {
	Watchers []int32 `json:",omitempty"` // by project
	Behind   int     // streams that do not stand on the newest of each of their projects
	Skipped  int64
	Latency  []byte `json:",omitempty"`
	Connect  []byte `json:",omitempty"`
}
