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

// openSome begins as many connects as are allowed now, and tells whether more are left.
func (w *worker) openSome() (more bool) {
	for range connectsBetween {
		if w.next >= len(w.streams) || w.inflight > 0 && w.waiting >= w.inflight {
			return false
		}
		w.open(w.next)
		w.next++
	}
	return w.next < len(w.streams)
}

// open begins to connect stream i.
func (w *worker) open(i int) {
	s := &w.streams[i]
	*s = stream{fd: -1, phase: connecting, began: w.clock.now(), again: s.again}
	w.waiting++
	var from unix.Sockaddr
	if n := len(w.sources); n > 0 {
		from = w.sources[(w.task.First+i)/len(w.targets)%n]
	}
	fd, done, err := dial(w.targets[w.target(i)], from)
	if err != nil {
		w.finish(i, err)
		return
	}
	s.fd = int32(fd)
	if done {
		if err := w.send(i); err != nil {
			w.finish(i, err)
			return
		}
	}
	if err := w.poll.add(fd, i, s.phase == connecting); err != nil {
		w.finish(i, err)
	}
}

// send sends what is left of the request.
func (w *worker) send(i int) error {
	s := &w.streams[i]
	request := w.request(i)
	n, err := unix.Write(int(s.fd), request[s.sent:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil
	}
	if err != nil {
		return err
	}
	s.sent += int32(n)
	if int(s.sent) == len(request) {
		s.phase = asking
	}
	return nil
}

// request returns the request of stream i; it is valid until the next call. It looks like a browser's, so that the gateway
// refuses it as it refuses browsers.
func (w *worker) request(i int) []byte {
	t := w.task.Targets[w.target(i)]
	b := append(append(w.scratch[:0], "GET "...), t.Path...)
	for j := range w.task.Layout.PerStream {
		b = append(b, "?&"[min(j, 1)])
		b = append(append(b, "project="...), w.task.Layout.name(w.project(i, j))...)
	}
	b = append(append(b, " HTTP/1.1\r\nHost: "...), t.Host...)
	b = append(b, "\r\nAccept: text/event-stream\r\nUser-Agent: nudge-load\r\n"...)
	if n := len(w.task.Tokens); n > 0 {
		b = append(append(append(b, "Authorization: Bearer "...), w.task.Tokens[i%n]...), "\r\n"...)
	}
	w.scratch = append(b, "\r\n"...)
	return w.scratch
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
