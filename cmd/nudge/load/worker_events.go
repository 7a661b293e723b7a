//go:build linux

package load

import (
	"errors"
	"fmt"

	"nudge/cmd/nudge/load/sse"
)

// ahead is how far, in µs, a version of this run may be ahead of the reader's clock: the clocks of two processes differ by
// microseconds.
const ahead = 1_000_000

var errEvent = errors.New("an event that no gateway sends")

// takeHead checks the head of a response. The error says why the response is not a stream.
func (w *worker) takeHead(h sse.Head) error {
	if h.Status != 200 {
		return &sse.HeadError{Head: h}
	}
	if h.Type != "text/event-stream" {
		return fmt.Errorf("an answer of type %.40q instead of text/event-stream", h.Type)
	}
	return nil
}

// takeEvent takes an event of the stream that is being read.
func (w *worker) takeEvent(k sse.Kind, data []byte) {
	if w.verdict != nil { // events after a goodbye do not count
		return
	}
	ok := true
	switch k {
	case sse.Hello:
		w.counts.Hellos++
		ok = w.takeHello(data)
	case sse.Version:
		var project []byte
		var v int64
		if project, v, ok = sse.ParseVersion(data); ok && w.streams[w.at].phase == live {
			w.advance(project, v, false)
		}
	case sse.Heartbeat:
		w.counts.Heartbeats++
	case sse.Goodbye:
		var f sse.Closing
		if f, ok = sse.ParseGoodbye(data); ok {
			w.verdict = &sse.GoodbyeError{Closing: f}
		}
	}
	if !ok {
		w.verdict = errEvent
	}
}

// takeHello takes a hello. The first one makes a stream live; later ones may bring news.
func (w *worker) takeHello(data []byte) bool {
	s := &w.streams[w.at]
	if s.phase == live {
		_, ok := sse.ParseHello(data, func(project []byte, v int64) { w.advance(project, v, true) })
		return ok
	}
	for j := range w.task.Layout.PerStream {
		old := w.seenBy(w.at, j)
		if old.got > 0 || s.again {
			w.past = append(w.past, closedSeen{w.project(w.at, j), *old})
		}
		*old = seen{}
	}
	kept, ok := sse.ParseHello(data, func(project []byte, v int64) {
		if j := w.slot(project); j >= 0 && v <= w.now+ahead {
			*w.seenBy(w.at, j) = seen{after: v, upto: v}
		}
	})
	if !ok {
		return false
	}
	for j := range w.task.Layout.PerStream {
		c := w.watchers(w.at, j)
		c.join(w.seenBy(w.at, j).upto)
		w.noteAllThere(w.at, j)
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

// advance takes the version of a project. again: a known version is no mistake, since a hello repeats it.
func (w *worker) advance(project []byte, v int64, again bool) {
	j := w.slot(project)
	if j < 0 || v < w.task.Clock.Day || v > w.now+ahead {
		if !again {
			w.counts.Foreign++
		}
		return
	}
	s := w.seenBy(w.at, j)
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
	w.watchers(w.at, j).arrive(v)
	w.noteAllThere(w.at, j)
}

// slot returns which project of the stream being read this is; -1: the stream does not watch it.
func (w *worker) slot(project []byte) int {
	p := w.task.Layout.index(project)
	if p < 0 {
		return -1
	}
	return w.task.Layout.slot(w.task.First+w.at, p)
}

// noteAllThere notes when all who watch the j-th project of stream i have its newest version.
func (w *worker) noteAllThere(i, j int) {
	c := w.watchers(i, j)
	if c.newest >= w.task.Clock.Day && c.allThere() {
		w.there = append(w.there, arrival{w.project(i, j), c.newest, w.now})
	}
}
