// Package status keeps the recent past of one gateway in memory, for operators: its figures of the last hour and the last day,
// its last changes of state, and the projects that change most.
package status

import (
	"math"
	"reflect"
	"sync"
	"time"

	"nudge/fallback"
)

const (
	// Every is how often a gateway calls [History.Add]. The points of the hour are this far apart.
	Every     = 10 * time.Second
	dayEvery  = 5 * time.Minute
	hourSteps = int(time.Hour / Every)
	daySteps  = int(24 * time.Hour / dayEvery)
)

// Sample is what a gateway knows at one moment. Totals count since its start.
type Sample struct {
	Push     fallback.Push
	Streams  int     // and held polls, open at this gateway
	Polling  int     // browsers of the fleet that poll without a stream
	Polls    float64 // polls per second that the browsers of the fleet make without news
	Saved    float64 // total of polls saved, by model
	Caused   uint64  // total of polls that changes caused: each watcher polls once
	Asked    uint64  // total of answers of GET /poll-interval
	Advances uint64  // total of changes of watched projects
	Missed   uint64  // total of reports of pages
}

// The figures of a point. All but the first three are per second.
const (
	streams = iota
	polling
	polls
	saved
	caused
	asked
	advances
	missed
	figures
)

// point is one moment of a ring. It has no pointer.
type point struct {
	at      uint32 // Unix second
	push    fallback.Push
	figures [figures]float32
}

// History is the recent past of a gateway. Its size is fixed. It is safe for concurrent use.
type History struct {
	mu        sync.Mutex // guards all below
	last      Sample
	lastAt    time.Time // zero: there is no sample yet
	hour, day ring
	part      point // sum of the points that the next point of the day is made of
	parts     int
	changes   changes
}

// NewHistory returns an empty History.
func NewHistory() *History {
	return &History{hour: ring{points: make([]point, hourSteps)}, day: ring{points: make([]point, daySteps)}}
}

// Bytes is how much memory the points of a History take.
var Bytes = (hourSteps + daySteps) * int(reflect.TypeFor[point]().Size())

// Add adds a sample taken at now. The first one makes no point: most figures are differences.
func (h *History) Add(s Sample, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, passed, first := h.last, now.Sub(h.lastAt).Seconds(), h.lastAt.IsZero()
	if !first && passed <= 0 {
		return
	}
	h.last, h.lastAt = s, now
	if first {
		return
	}
	p := point{at: uint32(now.Unix()), push: min(s.Push, fallback.Healthy)}
	p.figures = [figures]float32{
		streams: float32(s.Streams), polling: float32(s.Polling), polls: float32(s.Polls),
		saved:    float32((s.Saved - before.Saved) / passed),
		caused:   rate(s.Caused, before.Caused, passed),
		asked:    rate(s.Asked, before.Asked, passed),
		advances: rate(s.Advances, before.Advances, passed),
		missed:   rate(s.Missed, before.Missed, passed),
	}
	h.hour.add(p)
	h.addPart(p)
}

// addPart adds a point of the hour to the next point of the day: the mean of its figures, and the worst state of push. A point
// of the day ends at a multiple of five minutes.
func (h *History) addPart(p point) {
	if h.parts == 0 {
		h.part = point{at: p.at, push: p.push}
	}
	h.parts++
	h.part.push = min(h.part.push, p.push)
	for i, v := range p.figures {
		h.part.figures[i] += v
	}
	const step = uint32(dayEvery / time.Second)
	if h.part.at/step == p.at/step {
		return
	}
	for i := range h.part.figures {
		h.part.figures[i] /= float32(h.parts)
	}
	h.part.at, h.parts = p.at, 0
	h.day.add(h.part)
}

func rate(now, before uint64, seconds float64) float32 {
	if now < before {
		return 0
	}
	return float32(float64(now-before) / seconds)
}

// Answer is a History in JSON. Its fields may change.
type Answer struct {
	Hour    Columns  `json:"hour"`
	Day     Columns  `json:"day"`
	Changes []Change `json:"changes"` // newest first
	Bytes   int      `json:"bytes"`   // how much memory the points take, always
}

// Columns are the points of a ring, oldest first: all slices have the same length. Streams, Polling and Polls are counts or
// rates at the moment, or their mean; the others are per second.
type Columns struct {
	EveryMS  int64           `json:"every_ms"`
	At       []int64         `json:"at"` // Unix seconds
	Push     []fallback.Push `json:"push"`
	Streams  []float64       `json:"streams"`
	Polling  []float64       `json:"polling"`
	Polls    []float64       `json:"polls"`
	Saved    []float64       `json:"saved"`
	Caused   []float64       `json:"caused"`
	Asked    []float64       `json:"asked"`
	Advances []float64       `json:"advances"`
	Missed   []float64       `json:"missed"`
}

// Answer returns the points after a Unix second, and all changes.
func (h *History) Answer(after int64) Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Answer{
		Hour: columns(h.hour.since(after), Every), Day: columns(h.day.since(after), dayEvery),
		Changes: h.changes.newest(), Bytes: Bytes,
	}
}

func columns(points []point, every time.Duration) Columns {
	n := len(points)
	c := Columns{EveryMS: every.Milliseconds(), At: make([]int64, n), Push: make([]fallback.Push, n)}
	values := make([]float64, n*figures)
	for i, to := range [...]*[]float64{
		streams: &c.Streams, polling: &c.Polling, polls: &c.Polls, saved: &c.Saved, caused: &c.Caused, asked: &c.Asked,
		advances: &c.Advances, missed: &c.Missed,
	} {
		*to = values[i*n : (i+1)*n : (i+1)*n]
	}
	for i, p := range points {
		c.At[i], c.Push[i] = int64(p.at), p.push
		for f, v := range p.figures {
			values[f*n+i] = math.Round(float64(v)*1000) / 1000
		}
	}
	return c
}

// ring holds the newest points.
type ring struct {
	points []point
	next   int // where the next point goes
	n      int // how many there are
}

// add adds a point. Points that are not older were made before the clock was set back, and are dropped.
func (r *ring) add(p point) {
	size := len(r.points)
	for last := r.next + size - 1; r.n > 0 && r.points[last%size].at >= p.at; last-- {
		r.next = last % size
		r.n--
	}
	r.points[r.next] = p
	r.next = (r.next + 1) % size
	r.n = min(r.n+1, size)
}

// since returns the points after a Unix second, oldest first.
func (r *ring) since(after int64) []point {
	points := make([]point, 0, r.n)
	for i := range r.n {
		if p := r.points[(r.next-r.n+i+len(r.points))%len(r.points)]; int64(p.at) > after {
			points = append(points, p)
		}
	}
	return points
}
