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

// Figures are what is kept of a gateway, in JSON.
type Figures[T any] struct {
	Streams  T `json:"streams"`  // and held polls, open at this gateway
	Polling  T `json:"polling"`  // browsers of the fleet that poll without a stream
	Polls    T `json:"polls"`    // polls per second that the browsers of the fleet make without news
	Saved    T `json:"saved"`    // polls saved, by model
	Caused   T `json:"caused"`   // polls that changes caused: each watcher polls once
	Asked    T `json:"asked"`    // answers of GET /poll-interval
	Advances T `json:"advances"` // changes of watched projects
	Missed   T `json:"missed"`   // reports of pages
}

const (
	figures = 8
	totals  = 3 // the first of the figures that a sample has since the gateway started, and a point per second
)

func (f *Figures[T]) all() [figures]*T {
	return [...]*T{&f.Streams, &f.Polling, &f.Polls, &f.Saved, &f.Caused, &f.Asked, &f.Advances, &f.Missed}
}

// Sample is what a gateway knows at one moment. The figures from Saved on count since its start.
type Sample struct {
	Push fallback.Push
	Figures[float64]
}

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
	changes   []Change // oldest first
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
	p, was := point{at: uint32(now.Unix()), push: min(s.Push, fallback.Healthy)}, before.all()
	for i, is := range s.all() {
		p.figures[i] = float32(*is)
		if i >= totals {
			p.figures[i] = float32(max(0, *is-*was[i]) / passed)
		}
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
	EveryMS int64           `json:"every_ms"`
	At      []int64         `json:"at"` // Unix seconds
	Push    []fallback.Push `json:"push"`
	Figures[[]float64]
}

// Answer returns the points after a Unix second, and all changes.
func (h *History) Answer(after int64) Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Answer{
		Hour: columns(h.hour.since(after), Every), Day: columns(h.day.since(after), dayEvery),
		Changes: h.newestChanges(), Bytes: Bytes,
	}
}

func columns(points []point, every time.Duration) Columns {
	n := len(points)
	c := Columns{EveryMS: every.Milliseconds(), At: make([]int64, n), Push: make([]fallback.Push, n)}
	for f, column := range c.all() {
		*column = make([]float64, n)
		for i, p := range points {
			(*column)[i] = math.Round(float64(p.figures[f])*1000) / 1000
		}
	}
	for i, p := range points {
		c.At[i], c.Push[i] = int64(p.at), p.push
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
