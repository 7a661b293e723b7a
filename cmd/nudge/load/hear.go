//go:build linux

package load

import (
	"errors"
	"fmt"
)

// ahead is how far, in µs, a version may lie before the reader's clock and be this run's: the two processes'
// clocks differ by microseconds.
const ahead = 1_000_000

var errEvent = errors.New("an event that is not of a gateway")

// hearHead judges the head of an answer.
func (w *worker) hearHead(h head) error {
	if h.status != 200 {
		return &headError{h}
	}
	if h.kind != "text/event-stream" {
		return fmt.Errorf("an answer of type %.40q instead of text/event-stream", h.kind)
	}
	return nil
}

// hear takes an event of the stream that is being read.
func (w *worker) hear(k kind, data []byte) {
	if w.verdict != nil { // what follows a goodbye does not count
		return
	}
	ok := true
	switch k {
	case hello:
		w.counts.Hellos++
		ok = w.greet(data)
	case version:
		var project []byte
		var v int64
		if project, v, ok = advanceIn(data); ok && w.streams[w.at].phase == live {
			w.advance(project, v, false)
		}
	case heartbeat:
		w.counts.Heartbeats++
	case goodbye:
		var f farewell
		if f, ok = goodbyeIn(data); ok {
			w.verdict = &goodbyeError{f}
		}
	}
	if !ok {
		w.verdict = errEvent
	}
}

// greet takes a hello. The first one makes a stream live; later ones may bring news.
func (w *worker) greet(data []byte) bool {
	s := &w.streams[w.at]
	if s.phase == live {
		_, ok := helloIn(data, func(project []byte, v int64) { w.advance(project, v, true) })
		return ok
	}
	for j := range w.orders.Layout.PerStream {
		old := w.span(w.at, j)
		if old.got > 0 || s.again {
			w.past = append(w.past, pastSpan{w.project(w.at, j), *old})
		}
		*old = span{}
	}
	kept, ok := helloIn(data, func(project []byte, v int64) {
		if j := w.slot(project); j >= 0 && v <= w.now+ahead {
			*w.span(w.at, j) = span{after: v, upto: v}
		}
	})
	if !ok {
		return false
	}
	for j := range w.orders.Layout.PerStream {
		c := w.crowd(w.at, j)
		c.join(w.span(w.at, j).upto)
		w.gather(w.at, j)
	}
	s.phase = live
	w.waiting--
	w.counts.Open++
	w.counts.Kept += int64(kept)
	if s.again {
		w.counts.Reopened++
		return true
	}
	w.counts.Connected.Opened++
	w.counts.Connected.Last = w.now
	record(w.connect, w.now-s.began)
	return true
}

// advance takes the version of a project. A hello repeats what is known, which is no mistake.
func (w *worker) advance(project []byte, v int64, again bool) {
	j := w.slot(project)
	if j < 0 || v < w.orders.Clock.Day || v > w.now+ahead {
		if !again {
			w.counts.Foreign++
		}
		return
	}
	s := w.span(w.at, j)
	if v <= s.upto {
		if !again {
			w.counts.Repeated++
		}
		return
	}
	s.upto = v
	s.got++
	w.counts.Delivered++
	w.counts.Last = w.now
	record(w.latency, w.now-v)
	w.crowd(w.at, j).arrive(v)
	w.gather(w.at, j)
}

// slot is which of its projects this is to the stream that is being read; -1 if it is none.
func (w *worker) slot(project []byte) int {
	p := w.orders.Layout.index(project)
	if p < 0 {
		return -1
	}
	return w.orders.Layout.slot(w.orders.First+w.at, p)
}

// gather notes when all who watch the j-th project of stream i stand on its newest version.
func (w *worker) gather(i, j int) {
	c := w.crowd(i, j)
	if c.newest >= w.orders.Clock.Day && c.gathered() {
		w.there = append(w.there, arrival{w.project(i, j), c.newest, w.now})
	}
}
