//go:build unix

package faults

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/gateway/stream/parked"
	"nudge/version"
	"nudge/version/redis"
)

// serve runs a gateway as nudge serve does, and returns its address.
func (s *stage) serve(ro redis.Options) string {
	s.Helper()
	log := slog.New(slog.NewTextHandler(s.log, nil))
	o := gateway.Options{
		Settings: gateway.Settings{
			Flag: fallback.Flag{Enabled: true, Percent: 100},
			Policy: fallback.Policy{
				Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second,
				Jitter: 0.2, Heartbeat: 25 * time.Second,
			},
			Auth: auth.Settings{Open: true},
		},
		Probe: s.probe, Listen: s.probe, Node: "gw", Instance: instance, Version: "v0", Log: log,
	}
	var source *redis.Source
	o.Source = func(board *version.Board, host gateway.Host) (_ version.Source, err error) {
		ro.Instance, ro.Probe, ro.Host, ro.Control, ro.Log = instance, s.probe, host.Host, host.Control, log
		source, err = redis.New(board, ro)
		return source, err
	}
	g, err := gateway.New(o)
	if err != nil {
		s.Fatal(err)
	}
	s.ops = g.Ops()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	server := &http.Server{
		Handler: g.Handler(), ConnContext: parked.ConnContext, Protocols: new(http.Protocols),
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { server.Serve(&parked.Listener{Listener: l}) })
	running.Go(func() {
		if err := g.Run(ctx); err != nil {
			s.Errorf("the gateway ended: %v", err)
		}
	})
	s.Cleanup(func() {
		server.Close()
		stop()
		running.Wait()
		source.Close()
	})
	return l.Addr().String()
}
