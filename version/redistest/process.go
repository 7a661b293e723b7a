//go:build unix

package redistest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"nudge/internal/exectest"
)

// process is a server of any kind that can be started again. It ends with this process.
type process struct {
	path   string
	args   []string
	ready  string // what it prints when it serves
	proc   *os.Process
	exited chan struct{}
}

// start starts it, and waits until it is ready.
func (p *process) start() error {
	cmd := exectest.Command(p.path, p.args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ready := make(chan error, 1)
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		var said strings.Builder
		for lines := bufio.NewScanner(io.TeeReader(out, &said)); lines.Scan(); {
			if strings.Contains(lines.Text(), p.ready) {
				ready <- nil
				io.Copy(io.Discard, out)
				break
			}
		}
		cmd.Wait()
		ready <- fmt.Errorf("%s ended:\n%s", p.path, said.String())
	}()
	p.proc, p.exited = cmd.Process, exited
	select {
	case err := <-ready:
		return err
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s did not start within 20 s", p.path)
	}
}

// Kill ends it as a crash would, and waits until it is gone.
func (p *process) Kill() {
	if p.proc == nil {
		return
	}
	p.proc.Signal(syscall.SIGCONT)
	p.proc.Kill()
	<-p.exited
	p.proc = nil
}
