//go:build linux

package load

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run runs the load that the options describe, and measures it. When ctx ends, Run stops and returns the figures so far. If
// it returns an error, there are no figures.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	if o.publishes() && o.Publish == nil {
		return nil, errors.New("there is a rate or a window, but no Publish function; set it, or write a rate of 0")
	}
	r, err := newRun(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.workers.close(closeTime)
	watching, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { r.progress.run(watching, r.line) })
	err = r.phases(ctx)
	stop()
	wait.Wait()
	if err != nil {
		return nil, err
	}
	return r.result, nil
}

// run is a run under way.
type run struct {
	o          Options
	clock      clock
	layout     layout
	gateways   gatewayProcesses
	workers    *workers
	deliveries *deliveries
	publisher  *publisher
	progress   *progress
	result     *Result
	began      int64
	first      memory // before the first connect
	firstCPU   int64
}

// phases runs all phases. After an interrupt it skips to the summary.
func (r *run) phases(ctx context.Context) error {
	err := r.measure(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		r.result.Interrupted, err = true, nil
	}
	if err != nil {
		return err
	}
	return r.summarize(ctx)
}

func (r *run) measure(ctx context.Context) (err error) {
	r.progress.phase("connecting")
	if r.result.Connect, err = r.open(ctx, r.o.Inflight); err != nil {
		return err
	}
	if r.result.Connect.Opened == 0 {
		return nil // nothing to be measured
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	if r.o.Reconnect {
		r.progress.phase("reconnecting")
		if err := r.workers.tell(command{Do: doClose}); err != nil {
			return err
		}
		if r.result.Reconnect, err = r.open(ctx, 0); err != nil {
			return err
		}
	}
	if r.o.publishes() {
		return r.publish(ctx)
	}
	r.progress.phase("holding")
	return r.hold(ctx, r.o.Duration)
}

// open opens all streams, and waits until each is open or has failed. After an interrupt it returns the figures so far.
func (r *run) open(ctx context.Context, inflight int) (*Opening, error) {
	before := r.gateways.cpu()
	c, err := r.workers.total()
	if err != nil {
		return nil, err
	}
	began, number := r.clock.now(), c.Round+1
	if err := r.workers.tell(command{Do: doOpen, Inflight: inflight}); err != nil {
		return nil, err
	}
	waited := r.workers.until(ctx, func(c counts) bool { return c.Round == number && c.Trying == 0 })
	if waited != nil && ctx.Err() == nil {
		return nil, waited
	}
	after := r.gateways.cpu()
	connected := newHistogram()
	found, err := r.workers.ask(command{Do: doCollect})
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if err := merge(connected, f.Connect); err != nil {
			return nil, err
		}
	}
	if c, err = r.workers.total(); err != nil {
		return nil, err
	}
	o := &Opening{
		Opened: c.Connected.Opened, Refused: c.Connected.Refused, Failed: c.Connected.Failed,
		LatencyMS: latencyOf(connected), details: c.Connected.Details,
	}
	if o.Opened > 0 {
		o.TookS = float64(c.Connected.Last-began) / 1e6
		o.PerSecond = float64(o.Opened) / max(o.TookS, 1e-6)
		o.ServerCPU = perEach(after-before, o.Opened)
	}
	return o, waited
}

// settle waits, and reads the memory.
func (r *run) settle(ctx context.Context) error {
	r.progress.phase("settling")
	if err := r.hold(ctx, r.o.Settle); err != nil {
		return err
	}
	after := r.gateways.memory()
	s := &r.result.Server
	if grown := after.sockets - r.first.sockets; after.sockets >= 0 && r.first.sockets >= 0 {
		s.SocketBytes = &grown
	}
	if len(r.gateways.pids) == 0 {
		return nil
	}
	c, err := r.workers.total()
	if err != nil || c.Open == 0 {
		return err
	}
	s.PssBefore, s.PssAfter = r.first.pss, after.pss
	each := float64(after.pss-r.first.pss) / float64(c.Open)
	s.BytesPerStream = &each
	return nil
}

// hold waits for d, or until no stream is left.
func (r *run) hold(ctx context.Context, d time.Duration) error {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	err := r.workers.until(ctx, func(c counts) bool { return c.Open == 0 && !r.o.Reopen })
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// publish publishes, and ends early when no stream is left.
func (r *run) publish(ctx context.Context) error {
	found, err := r.workers.ask(command{Do: doCount})
	if err != nil {
		return err
	}
	var watchers [][]int32
	for _, f := range found {
		watchers = append(watchers, f.Watchers)
	}
	r.deliveries.watch(watchers)
	r.progress.phase("publishing")
	before := r.gateways.cpu()
	start, err := r.workers.total()
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var wait sync.WaitGroup
	r.publisher.told = r.progress.published
	wait.Go(func() {
		defer stop()
		if r.o.Window > 0 {
			r.publisher.windowed(running, r.o.Window, r.o.Duration, r.o.Grace)
			return
		}
		r.publisher.paced(running, r.o.Rate, r.o.Duration)
	})
	err = r.workers.until(running, func(c counts) bool { return c.Open == 0 && !r.o.Reopen })
	stop()
	wait.Wait()
	if errors.Is(err, context.Canceled) {
		err = ctx.Err()
	}
	p := r.publisher
	took := float64(p.ended-p.began) / 1e6
	r.result.Publish = &Publish{
		Advances: p.done, Failed: p.failed, Stale: p.stale, Dropped: p.dropped, TookS: took,
		PerSecond: float64(p.done) / max(took, 1e-6), CallMS: latencyOf(p.calls), LateMS: float64(p.late) / 1000, failure: p.failure,
	}
	if waited := r.awaitDeliveries(ctx); waited != nil {
		return waited
	}
	end, ended := r.workers.total()
	if ended != nil {
		return ended
	}
	r.delivered(start, end, r.gateways.cpu()-before)
	return err
}

// line is the progress of this moment.
func (r *run) line() string {
	c, _ := r.workers.total() // an error ends the run soon
	return r.progress.line(c, r.o.Streams, time.Now())
}
