//go:build linux

package load

import "golang.org/x/sys/unix"

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
	b = append(append(b, "&evict=0 HTTP/1.1\r\nHost: "...), t.Host...) // refused beyond a limit, rather than ending its own streams
	b = append(b, "\r\nAccept: text/event-stream\r\nUser-Agent: nudge-load\r\n"...)
	if n := len(w.task.Tokens); n > 0 {
		b = append(append(append(b, "Authorization: Bearer "...), w.task.Tokens[i%n]...), "\r\n"...)
	}
	w.scratch = append(b, "\r\n"...)
	return w.scratch
}
