//go:build linux

package load

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newRun plans a run and starts its readers. It opens nothing yet.
func newRun(ctx context.Context, o Options) (*run, error) {
	r := &run{o: o, layout: layout{o.Prefix, o.Projects, o.PerStream}, deliveries: newDeliveries()}
	var targets []target
	for _, g := range o.Gateways {
		t, err := findTarget(ctx, g)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return nil, fmt.Errorf("read the limit of open files: %w", err)
	}
	workers, err := workersFor(o.Streams, o.Workers, int(min(files.Cur, 1<<30)))
	if err != nil {
		return nil, err
	}
	sources := o.Sources
	if len(sources) == 0 {
		if sources, err = sourcesFor(o.Streams, portsPerAddress(), targets); err != nil {
			return nil, err
		}
	}
	base, err := newClockBase()
	if err != nil {
		return nil, err
	}
	if r.clock, err = base.clock(); err != nil {
		return nil, err
	}
	r.began = r.clock.now()
	r.gateways = findGatewayProcesses(o.PIDs, targets)
	r.first, r.firstCPU = r.gateways.memory(), r.gateways.cpu()
	r.result = &Result{Started: time.UnixMicro(r.began).UTC(), Problems: []string{}, Plan: Plan{
		Gateways: o.Gateways, Streams: o.Streams, Projects: o.Projects, PerStream: o.PerStream, Prefix: o.Prefix,
		Rate: o.Rate, Window: o.Window, DurationS: o.Duration.Seconds(), SettleS: o.Settle.Seconds(), Inflight: o.Inflight,
		Workers: workers, Sources: len(sources),
	}}
	all := make([]task, workers)
	for i := range all {
		first, n := share(o.Streams, workers, i)
		all[i] = task{
			Clock: base, First: first, Streams: n, Layout: r.layout, Targets: targets, Tokens: tokensOf(o.Tokens, first, n),
			Sources: sources, TimeoutUS: o.Timeout.Microseconds(), Reopen: o.Reopen,
		}
	}
	r.publisher = newPublisher(r.layout, r.clock.now, o.Publish, r.deliveries)
	r.progress = newProgress(o.Progress, isTerminal(o.Progress))
	r.workers, err = startWorkers(o.Command, all, r.deliveries.arrive)
	return r, err
}

// tokensOf are the tokens of n streams from first on.
func tokensOf(tokens []string, first, n int) []string {
	if len(tokens) < 2 {
		return tokens
	}
	own := make([]string, n)
	for i := range own {
		own[i] = tokens[(first+i)%len(tokens)]
	}
	return own
}

// isTerminal tells whether a line can be written over.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
