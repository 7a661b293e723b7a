package gateway_test

import (
	"context"
	"sync/atomic"
	"time"

	"nudge/gateway"
	"nudge/version"
)

// fake is a source whose parts can fail: memory with func fields over it.
type fake struct {
	*version.Memory
	board    *version.Board
	host     gateway.Host
	evidence version.Evidence // the host's
	probe    time.Duration

	silent  atomic.Bool // no echoes come back
	run     func(context.Context) error
	publish func(context.Context, []version.News) (version.Receipt, error)
	watch   func(version.Project)
	read    func(context.Context, version.Project) (version.Key, error)
}

func newFake(probe time.Duration) *fake { return &fake{probe: probe} }

// source is for gateway.Options.Source.
func (f *fake) source(b *version.Board, h gateway.Host) (version.Source, error) {
	f.board, f.host, f.evidence = b, h, h.Evidence
	f.Memory = version.NewMemory(b, version.MemoryOptions{})
	return f, nil
}

func (f *fake) Run(ctx context.Context) error {
	if f.run != nil {
		return f.run(ctx)
	}
	tick := time.NewTicker(f.probe)
	defer tick.Stop()
	for {
		if !f.silent.Load() {
			f.host.Peer(f.host.Self())
			f.evidence.Echo(time.Now())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (f *fake) Watch(p version.Project) {
	if f.watch != nil {
		f.watch(p)
		return
	}
	f.Memory.Watch(p)
}

func (f *fake) Publish(ctx context.Context, news []version.News) (version.Receipt, error) {
	if f.publish != nil {
		return f.publish(ctx, news)
	}
	return f.Memory.Publish(ctx, news)
}

func (f *fake) Read(ctx context.Context, p version.Project) (version.Key, error) {
	if f.read != nil {
		return f.read(ctx, p)
	}
	return f.Memory.Read(ctx, p)
}
