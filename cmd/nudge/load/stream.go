//go:build linux

package load

import (
	"cmp"
	"io"
	"slices"

	"golang.org/x/sys/unix"

	"nudge/cmd/nudge/load/sse"
)

// phase is how far a stream is.
type phase uint8

const (
	idle       phase = iota // closed, or not opened yet
	connecting              // and sending the request
	asking                  // the request is sent, the hello has not come
	live
)

// stream is the state of one stream in its reader.
type stream struct {
	sse.Response
	began int64 // when it began to connect
	fd    int32 // -1: none
	sent  int32 // bytes of the request
	phase phase
	again bool // it was open before, in this round
}

// ready is called when something happens to the connection of stream i.
func (w *worker) ready(i int, events uint32) {
	s := &w.streams[i]
	if s.phase == idle {
		return
	}
	if s.phase == connecting {
		err := outcome(int(s.fd))
		if err == nil && events&unix.EPOLLOUT != 0 {
			err = w.send(i)
		}
		if err == nil && s.phase == asking {
			err = w.poll.change(int(s.fd), i, false)
		}
		if err != nil {
			w.finish(i, err)
		}
		return
	}
	n, err := unix.Read(int(s.fd), w.buffer)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	w.at, w.now, w.verdict = i, w.clock.now(), nil
	switch {
	case err != nil:
	case n == 0:
		err = io.EOF
	default:
		w.counts.Bytes += int64(n)
		err = s.Feed(w.buffer[:n], &w.listener)
	}
	if w.verdict != nil { // an event says more than the end of the connection
		err = w.verdict
	}
	if err != nil {
		w.finish(i, err)
	}
}

// finish ends stream i, and reopens it later if it may.
func (w *worker) finish(i int, why error) {
	s := &w.streams[i]
	lived := s.phase == live
	w.now = w.clock.now()
	if lived {
		w.counts.Open--
		for j := range w.task.Layout.PerStream {
			c := w.watchers(i, j)
			c.leave(w.seenBy(i, j).upto)
			w.noteAllThere(i, j)
		}
	} else {
		w.waiting--
	}
	w.drop(i)
	e := sse.EndOf(why, lived)
	switch {
	case lived:
		count(w.counts.Closed, e.Key)
	case s.again:
		count(w.counts.Closed, "reopen: "+e.Key)
	case e.Refused:
		count(w.counts.Connected.Refused, e.Key)
		if e.Detail != "" && w.counts.Connected.Details[e.Key] == "" {
			w.counts.Connected.Details[e.Key] = e.Detail
		}
	default:
		count(w.counts.Connected.Failed, e.Key)
	}
	if w.task.Reopen && !e.Final && (lived || s.again) {
		s.again = true
		w.returns.add(w.now+e.Wait(), i)
	}
}

// drop closes the connection of stream i.
func (w *worker) drop(i int) {
	s := &w.streams[i]
	if s.fd >= 0 {
		unix.Close(int(s.fd))
	}
	*s = stream{fd: -1, again: s.again}
}

// closeAll closes every stream at once.
func (w *worker) closeAll() {
	for i := range w.streams {
		for j := range w.task.Layout.PerStream {
			if w.streams[i].phase == live {
				w.watchers(i, j).leave(w.seenBy(i, j).upto)
			}
		}
		w.drop(i)
		w.streams[i].again = false
	}
	w.counts.Open, w.waiting, w.next = 0, 0, len(w.streams)
	w.returns = nil
}

// endSilent ends streams that got no hello in time.
func (w *worker) endSilent() {
	if w.waiting == 0 {
		return
	}
	late := w.clock.now() - w.timeout
	for i := range w.streams {
		if p := w.streams[i].phase; (p == connecting || p == asking) && w.streams[i].began < late {
			w.finish(i, sse.ErrSilent)
		}
	}
}

// reopenDue reopens ended streams that are due.
func (w *worker) reopenDue() {
	for len(w.returns) > 0 && w.returns[0].at <= w.clock.now() {
		i := w.returns.take()
		w.open(i)
	}
}

// returns are the streams to reopen, by the time at which they are due.
type returns []due

type due struct {
	at     int64
	stream int
}

func (r *returns) add(at int64, stream int) {
	i, _ := slices.BinarySearchFunc(*r, at, func(d due, at int64) int { return cmp.Compare(d.at, at) })
	*r = slices.Insert(*r, i, due{at, stream})
}

// take takes the first.
func (r *returns) take() int {
	i := (*r)[0].stream
	*r = (*r)[1:]
	return i
}
