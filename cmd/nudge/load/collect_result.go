//go:build linux

package load

import (
	"context"
	"time"
)

// awaitDeliveries waits until all streams have the newest versions, for the grace at most.
func (r *run) awaitDeliveries(ctx context.Context) error {
	r.progress.phase("waiting for the last")
	grace := r.o.Grace
	if ctx.Err() != nil { // a person waits; most advances under way arrive sooner
		grace = min(grace, time.Second)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer stop()
	log := r.publisher.log
	for {
		found, err := r.workers.ask(command{Do: doCheck, Log: log})
		if err != nil {
			return err
		}
		log = nil
		var behind int
		var skipped int64
		for _, f := range found {
			behind += f.Behind
			skipped += f.Skipped
		}
		if behind == 0 || ctx.Err() != nil {
			r.result.Streams.Lost = behind
			r.result.Deliver = &Deliver{Skipped: skipped}
			return nil
		}
		if err := r.hold(ctx, 50*time.Millisecond); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// delivered computes what was delivered between two counts.
func (r *run) delivered(start, end counts, cpu int64) {
	d := r.result.Deliver
	d.Delivered = end.Delivered - start.Delivered
	r.result.Readers.Busy = float64(end.CPU-start.CPU) / max(float64(r.clock.now()-r.publisher.began)*float64(r.result.Plan.Workers), 1)
	if d.Delivered == 0 {
		return
	}
	d.TookS = float64(end.Last-r.publisher.began) / 1e6
	d.PerSecond = float64(d.Delivered) / max(d.TookS, 1e-6)
	d.Bytes = float64(end.Bytes-start.Bytes) / float64(d.Delivered)
	d.ServerCPU = perEach(cpu, d.Delivered)
	r.deliveries.mu.Lock()
	d.AllMS = latencyOf(r.deliveries.all)
	r.deliveries.mu.Unlock()
}

// summarize completes the result at the end.
func (r *run) summarize(ctx context.Context) error {
	res := r.result
	found, err := r.workers.ask(command{Do: doCollect})
	if err != nil {
		return err
	}
	if res.Deliver != nil {
		all := newHistogram()
		for _, f := range found {
			if err := merge(all, f.Latency); err != nil {
				return err
			}
		}
		res.Deliver.LatencyMS = latencyOf(all)
	}
	c, err := r.workers.total()
	if err != nil {
		return err
	}
	s := &res.Streams
	s.Open, s.Closed, s.Reopened, s.Kept = c.Open, c.Closed, c.Reopened, c.Kept
	s.Hellos, s.Heartbeats, s.Repeated, s.Foreign, s.Bytes = c.Hellos, c.Heartbeats, c.Repeated, c.Foreign, c.Bytes
	s.Missing = max(0, int(c.Connected.Opened)-c.Open)
	res.Readers.CPUS = float64(c.CPU) / 1e6
	res.Server.PIDs, res.Server.FileLimit = r.gateways.pids, r.gateways.fileLimit()
	if len(r.gateways.pids) > 0 {
		res.Server.CPUS = float64(r.gateways.cpu()-r.firstCPU) / 1e6
	}
	res.Server.Why = r.gateways.why
	res.TookS = float64(r.clock.now()-r.began) / 1e6
	res.Interrupted = res.Interrupted || ctx.Err() != nil
	res.Problems = problems(res)
	return nil
}

// leastCPU is the least CPU time in µs that is reported: the kernel counts in steps of 10,000.
const leastCPU = 100_000

// perEach divides a CPU time in µs by n; 0 if the time is below leastCPU.
func perEach(cpu, n int64) float64 {
	if cpu < leastCPU || n == 0 {
		return 0
	}
	return float64(cpu) / float64(n)
}
