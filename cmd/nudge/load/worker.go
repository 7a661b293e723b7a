//go:build linux

package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"nudge/cmd/nudge/load/sse"
)

const (
	// tick is how often a worker reports, and looks for streams that wait too long.
	tick = 200 * time.Millisecond
	// idleWait limits how long a worker sleeps, in ms. A command may wait this long.
	idleWait = 20
	// connectsBetween is how many connects begin before the worker reads again.
	connectsBetween = 64
)

// worker holds streams and reads them: one thread, one epoll.
type worker struct {
	task     task
	clock    clock
	timeout  int64 // µs
	targets  []unix.Sockaddr
	sources  []unix.Sockaddr
	poll     *poll
	buffer   []byte // for reading
	scratch  []byte // for a request
	listener sse.Listener
	out      *json.Encoder

	streams    []stream
	spans      []seen // of stream i from i × PerStream on
	watchersOf []watchers
	past       []closedSeen

	counts   counts
	latency  *hdrhistogram.Histogram
	connect  *hdrhistogram.Histogram
	there    []arrival
	log      [][]int64
	next     int // the first stream not tried in this round
	waiting  int // streams that wait for their hello
	inflight int
	settled  bool // in this round, all have been tried
	returns  returns
	reported time.Time

	// Of the read that is being parsed:
	at      int   // the stream
	now     int64 // when
	verdict error // why an event ends the stream
}

// closedSeen is what a reopened stream saw over its earlier connection.
type closedSeen struct {
	project int
	seen
}

// Worker is a reading process: it reads its task and commands from in and reports to out, until in ends.
func Worker(in io.Reader, out io.Writer) error {
	commands := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	var o task
	if err := commands.Decode(&o); err != nil {
		return fmt.Errorf("task: %w; nudge load starts this command itself", err)
	}
	w, err := newWorker(o, out)
	if err != nil {
		return err
	}
	defer w.end()
	received := make(chan command)
	ended := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for {
			var c command
			err := commands.Decode(&c)
			if err != nil {
				ended <- err
				return
			}
			select {
			case received <- c:
			case <-stop:
				return
			}
		}
	}()
	// The caller closes in when this returns, and that ends the goroutine.
	defer close(stop)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("command: %w", err)
		case c := <-received:
			if err := w.do(c); err != nil {
				return err
			}
		default:
		}
		if err := w.step(); err != nil {
			return err
		}
	}
}

func newWorker(o task, out io.Writer) (*worker, error) {
	p, err := newPoll()
	if err != nil {
		return nil, err
	}
	w := &worker{
		task: o, timeout: o.TimeoutUS, poll: p, out: json.NewEncoder(out), buffer: make([]byte, 64<<10),
		streams: make([]stream, o.Streams), spans: make([]seen, o.Streams*o.Layout.PerStream),
		watchersOf: make([]watchers, o.Layout.Projects),
		counts:     newCounts(), latency: newHistogram(), connect: newHistogram(), next: o.Streams,
	}
	w.listener = sse.Listener{Head: w.takeHead, Event: w.takeEvent}
	for _, t := range o.Targets {
		w.targets = append(w.targets, address(t.Addr))
	}
	for _, s := range o.Sources {
		a, err := netip.ParseAddr(s)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("source: %w", err)
		}
		w.sources = append(w.sources, address(netip.AddrPortFrom(a, 0)))
	}
	if w.clock, err = o.Clock.clock(); err != nil {
		p.close()
		return nil, err
	}
	for i := range w.streams {
		w.streams[i].fd = -1
	}
	return w, nil
}

// end closes everything.
func (w *worker) end() {
	w.closeAll()
	w.poll.close()
}

// step begins connects that are due, reads what has arrived, and reports.
func (w *worker) step() error {
	w.reopenDue()
	more := w.openSome()
	wait := idleWait
	if more {
		wait = 0
	}
	ready, err := w.poll.wait(wait)
	if err != nil {
		return err
	}
	for _, e := range ready {
		w.ready(int(e.Fd), e.Events)
	}
	if len(w.there) > 0 {
		if err := w.out.Encode(report{There: w.there}); err != nil {
			return err
		}
		w.there = w.there[:0]
	}
	settled := w.waiting == 0 && w.next == len(w.streams)
	changed := settled && !w.settled
	w.settled = settled
	if !changed && time.Since(w.reported) < tick {
		return nil
	}
	w.endSilent()
	return w.report(nil)
}

// report sends the counts, with the answer to a command.
func (w *worker) report(f *answer) error {
	w.reported = time.Now()
	w.counts.Trying = w.waiting + len(w.streams) - w.next
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err == nil {
		w.counts.CPU = (used.Utime.Nano() + used.Stime.Nano()) / 1000
	}
	return w.out.Encode(report{Counts: &w.counts, Answer: f})
}

// do carries out a command.
func (w *worker) do(c command) error {
	switch c.Do {
	case doOpen:
		w.counts.Round++
		w.counts.Connected = newRound()
		w.connect.Reset()
		w.next, w.inflight, w.settled = 0, c.Inflight, false
		return w.report(nil)
	case doClose:
		w.closeAll()
		return w.report(nil)
	case doCount:
		f := &answer{Watchers: make([]int32, len(w.watchersOf))}
		for p := range w.watchersOf {
			f.Watchers[p] = w.watchersOf[p].watchers
		}
		return w.report(f)
	case doCheck:
		if c.Log != nil {
			w.log = c.Log
		}
		return w.report(w.check())
	case doCollect:
		var f answer
		var err error
		if f.Latency, err = encode(w.latency); err == nil {
			f.Connect, err = encode(w.connect)
		}
		if err != nil {
			return fmt.Errorf("histogram: %w", err)
		}
		return w.report(&f)
	}
	return fmt.Errorf("there is no command %q", c.Do)
}

// check compares what streams have seen with what was published.
func (w *worker) check() *answer {
	f := &answer{}
	for i := range w.streams {
		late := false
		for j := range w.task.Layout.PerStream {
			s, log := w.seenBy(i, j), w.log[w.project(i, j)]
			late = late || s.behind(log)
			f.Skipped += s.skipped(log)
		}
		if late && w.streams[i].phase == live {
			f.Behind++
		}
	}
	for _, s := range w.past {
		f.Skipped += s.skipped(w.log[s.project])
	}
	return f
}

// The j-th project of stream i, and what is known of it.
func (w *worker) project(i, j int) int        { return w.task.Layout.project(w.task.First+i, j) }
func (w *worker) seenBy(i, j int) *seen       { return &w.spans[i*w.task.Layout.PerStream+j] }
func (w *worker) watchers(i, j int) *watchers { return &w.watchersOf[w.project(i, j)] }

func (w *worker) target(i int) int { return (w.task.First + i) % len(w.targets) }
