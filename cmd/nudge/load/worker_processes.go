//go:build linux

package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// workers are the reading processes, in the process that publishes.
type workers struct {
	processes []*process
	there     func(worker int, there []arrival)
	changed   chan struct{} // holds a token when there is something new
	wait      sync.WaitGroup

	mu  sync.Mutex
	err error // the first error of any reader; it stays
}

// process is one reading process.
type process struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	commands *json.Encoder
	stderr   bytes.Buffer // read after it ended only
	answer   chan *answer
	counts   counts // guarded by mu of workers
}

// startWorkers starts a process for each task. The caller must close the workers.
func startWorkers(command []string, all []task, there func(int, []arrival)) (*workers, error) {
	f := &workers{there: there, changed: make(chan struct{}, 1)}
	for i, o := range all {
		r, out, err := startWorker(command)
		if err != nil {
			f.close(closeTime)
			return nil, fmt.Errorf("start reading process %d: %w", i, err)
		}
		r.counts.Trying = o.Streams
		f.processes = append(f.processes, r)
		f.wait.Go(func() { f.listen(i, r, out) })
		if err := r.commands.Encode(o); err != nil {
			f.close(closeTime)
			return nil, f.err // the error of the process that ended says more
		}
	}
	return f, nil
}

func startWorker(command []string) (*process, io.Reader, error) {
	r := &process{cmd: exec.Command(command[0], command[1:]...), answer: make(chan *answer, 1), counts: newCounts()}
	r.cmd.Stderr = &r.stderr
	// Ctrl-C must not end the readers before they have reported. They end when their standard input closes.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := r.cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	r.in, r.commands = in, json.NewEncoder(in)
	return r, out, r.cmd.Start()
}

// listen takes the reports of one reader until it ends, and waits for it.
func (f *workers) listen(i int, r *process, out io.Reader) {
	lines := json.NewDecoder(out)
	var err error
	for err == nil {
		counts := newCounts()
		said := report{Counts: &counts}
		if err = lines.Decode(&said); err != nil {
			break
		}
		if len(said.There) > 0 {
			f.there(i, said.There)
			continue
		}
		f.mu.Lock()
		r.counts = counts
		f.mu.Unlock()
		if said.Answer != nil {
			r.answer <- said.Answer
		}
		f.wake()
	}
	r.in.Close() // else a reader with a malformed report would stay
	ended := r.cmd.Wait()
	if errors.Is(err, io.EOF) {
		err = ended
	}
	if err == nil {
		err = errors.New("it ended")
	}
	f.mu.Lock()
	if f.err == nil {
		f.err = fmt.Errorf("reading process %d: %w: %s", i, err, bytes.TrimSpace(r.stderr.Bytes()))
	}
	f.mu.Unlock()
	f.wake()
}

func (f *workers) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// total returns the counts of all readers together.
func (f *workers) total() (counts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := newCounts()
	for i, r := range f.processes {
		if i == 0 || r.counts.Round < all.Round {
			all.Round = r.counts.Round
		}
		all.add(r.counts)
	}
	return all, f.err
}

// until waits until want returns true. Only one goroutine may wait at a time.
func (f *workers) until(ctx context.Context, want func(counts) bool) error {
	for {
		c, err := f.total()
		if err != nil {
			return err
		}
		if want(c) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.changed:
		}
	}
}

// tell sends a command to all. Inflight is divided among them.
func (f *workers) tell(c command) error {
	inflight := c.Inflight
	for i, r := range f.processes {
		if inflight > 0 {
			_, c.Inflight = share(inflight, len(f.processes), i)
			c.Inflight = max(c.Inflight, 1)
		}
		if err := r.commands.Encode(c); err != nil {
			return fmt.Errorf("reading process %d: %w", i, err)
		}
	}
	return nil
}

// answerTime limits how long a reader may take to answer. It may have much to read first.
const answerTime = 30 * time.Second

// ask sends a command to all, and returns their answers.
func (f *workers) ask(c command) ([]*answer, error) {
	if err := f.tell(c); err != nil {
		return nil, err
	}
	all := make([]*answer, len(f.processes))
	late := time.NewTimer(answerTime)
	defer late.Stop()
	for i, r := range f.processes {
		for all[i] == nil {
			select {
			case all[i] = <-r.answer:
			case <-late.C:
				return nil, fmt.Errorf("reading process %d does not answer within %v; use more --workers, or fewer streams", i, answerTime)
			case <-f.changed:
				if _, err := f.total(); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

// closeTime is how long a reader may take to end.
const closeTime = 10 * time.Second

// close ends the readers, and waits until they have ended. It kills those that take longer than most.
func (f *workers) close(most time.Duration) {
	for _, r := range f.processes {
		r.in.Close()
	}
	gone := make(chan struct{})
	go func() {
		f.wait.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return
	case <-time.After(most):
	}
	for _, r := range f.processes {
		_ = r.cmd.Process.Kill() // an error means that it has ended already
	}
	<-gone
}
