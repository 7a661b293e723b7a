package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/listen"
	"nudge/cmd/nudge/systemd"
	"nudge/cmd/nudge/tracing"
	"nudge/gateway"
	"nudge/gateway/limits"
	"nudge/version"
	"nudge/version/redis"
)

func newServeCommand(loader func() config.Loader) *cobra.Command {
	var address, ops string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a gateway",
		Long: "Runs a gateway until SIGTERM or SIGINT. The gateway then ends its streams with a\n" +
			"goodbye before it exits; a second signal ends it at once. It reads the configuration\n" +
			"again whenever the file changes, and at SIGHUP.",
		Example: "  nudge serve --config /etc/nudge/config.yaml\n  NUDGE_AUTH_SECRET_FILE=/run/secrets/nudge nudge serve --listen :8080",
		Args:    noArguments,
	}
	cmd.Flags().StringVar(&address, "listen", "", "public address, instead of the configured one")
	cmd.Flags().StringVar(&ops, "ops-listen", "", "operators' address, instead of the configured one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l := loader()
		l.Purpose = config.ForServing
		l.Flags = map[string]string{}
		for name, key := range map[string]string{"listen": "listen", "ops-listen": "ops_listen"} {
			if f := cmd.Flags().Lookup(name); f.Changed {
				l.Flags[key] = f.Value.String()
			}
		}
		ctx, stop := untilSignal(cmd.Context())
		defer stop()
		return serve(ctx, l, cmd.ErrOrStderr())
	}
	return cmd
}

// untilSignal returns a context that ends with the first SIGTERM or SIGINT. A second signal ends the process at once. The
// caller must call stop, which ends the handling of signals.
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2) // room for a second signal while the first one is handled
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for heard := 0; ; heard++ {
			select {
			case <-signals:
				if heard > 0 {
					os.Exit(exitFailed)
				}
				cancel()
			case <-stopped:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(stopped)
		<-done
		cancel()
	})
}

// serve runs a gateway as configured until ctx ends.
func serve(ctx context.Context, l config.Loader, stderr io.Writer) error {
	loaded, err := l.Load()
	if err != nil {
		return err
	}
	if err := checkKeyFiles(loaded); err != nil {
		return err
	}
	c := loaded.Config
	log, level := newLogger(c.Log, stderr)
	for _, warning := range loaded.Warnings {
		log.Warn(warning, "fix", "change what it names; nudge config check shows it again")
	}
	places := limits.NewConnections(0, log)
	o := gatewayOptions(c, log)
	o.Connections, o.ConnectBurst = places, connectBurst
	o.StatusStream = c.OpsListen != ""
	tracer, flush, err := tracing.FromEnvironment(ctx, release, o.Instance, log)
	if err != nil {
		return err
	}
	if tracer != nil {
		o.Tracer = tracer
		defer flush()
	}
	var source *redis.Source
	o.Source = func(board *version.Board, host gateway.Host) (version.Source, error) {
		if c.Redis.Mode == "none" {
			return version.NewMemory(board, version.MemoryOptions{Probe: c.Redis.Probe, Evidence: host.Evidence}), nil
		}
		ro := redisOptions(c, log)
		ro.Instance, ro.Host, ro.Control = o.Instance, host.Host, host.Control
		var err error
		source, err = redis.New(board, ro)
		return source, err
	}
	g, err := gateway.New(o)
	if err != nil {
		return err
	}
	if source != nil {
		defer source.Close()
	}
	servers, err := listenAll(c, g, places, log)
	if err != nil {
		return err
	}
	logStart(c, log, servers, loaded.Path)

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	watcher := config.NewWatcher(config.WatcherOptions{
		Loader: l, Loaded: loaded, Hangup: hangup, Log: log,
		Looked: func(changed []string, err error) {
			r := gateway.Reload{Applied: err == nil || errors.Is(err, config.ErrRestart), Changed: changed}
			if err != nil {
				r.Problem = err.Error()
			}
			g.Reloaded(r)
		},
		Apply: func(c *config.Config) error {
			if err := g.Apply(gatewaySettings(c)); err != nil {
				return err
			}
			level.Set(levelOf(c.Log))
			servers[0].SetCertificate(c.Files.Certificate)
			if source != nil {
				source.SetAccess(redisAccess(c))
			}
			return nil
		},
	})
	tasks := []func(context.Context) error{watcher.Run}
	if s := systemd.FromEnvironment(); s != nil {
		s.Ops, s.Log, s.Stop = g.Ops(), log, c.Drain.Delay+c.Drain.Window+stopTime
		tasks = append(tasks, func(inner context.Context) error { return s.Run(inner, ctx.Done()) })
	}
	return runAll(ctx, g, servers, tasks...)
}

// stopTime is how long a gateway may take to end besides its drain: slow readers, requests that run, the last spans.
const stopTime = 20 * time.Second

// listenAll opens the public listener, which uses places, and the operators' listener, which has its own.
func listenAll(c *config.Config, g *gateway.Gateway, places *limits.Connections, log *slog.Logger) ([]*listen.Server, error) {
	public, err := listen.Open(listen.Options{
		Key: "listen", Address: c.Listen, SocketMode: socketMode(c), ProxyHeaders: c.ProxyProtocol,
		Certificate: c.Files.Certificate, H2C: c.H2C, Handler: g.Handler(), Places: places, Log: log,
	})
	if err != nil {
		return nil, err
	}
	if c.OpsListen == "" {
		return []*listen.Server{public}, nil
	}
	ops, err := listen.Open(listen.Options{
		Key: "ops_listen", Address: c.OpsListen, SocketMode: socketMode(c), Handler: g.Ops(), Places: limits.NewConnections(0, log), Log: log,
	})
	if err != nil {
		public.Listener.Close()
		return nil, err
	}
	return []*listen.Server{public, ops}, nil
}

// socketMode returns the configured mode of unix sockets. The configuration must have been checked.
func socketMode(c *config.Config) fs.FileMode {
	mode, _ := strconv.ParseUint(c.SocketMode, 8, 9)
	return fs.FileMode(mode)
}

// logStart logs what was started, and warns of settings that may surprise.
func logStart(c *config.Config, log *slog.Logger, servers []*listen.Server, path string) {
	var ops string
	if len(servers) > 1 {
		ops = servers[1].Listener.Addr().String()
	}
	log.Info("nudge serves", "version", release, "listen", servers[0].Listener.Addr().String(), "ops_listen", ops,
		"config", path, "redis", c.Redis.Mode, "push", c.Push.Enabled)
	if c.Redis.Mode == "none" {
		log.Warn("redis.mode is none: this gateway works alone, gets only versions that are published to it over HTTP, and forgets them at restart",
			"fix", "set redis.url or redis.mode, if there is a Redis")
	}
	if c.Redis.TLS && !c.Redis.TLSVerify {
		log.Warn("redis.tls_verify is false: whoever is on the way to Redis can read everything, and take its place",
			"fix", "set redis.tls_ca, and remove redis.tls_verify")
	}
	if c.Auth.Open {
		log.Warn("auth.open: everybody who can reach this gateway may subscribe to every project",
			"fix", "set auth.secret, unless that is what you want")
		if len(c.Hosts) == 0 {
			log.Warn("auth.open without hosts: a web page can read this gateway through the browser of somebody who can reach it",
				"fix", "write the gateway's names into hosts")
		}
	}
}

// runAll runs a gateway with its servers until ctx ends. Then it ends the streams, stops listening, and ends everything
// else. In this order every stream gets its goodbye.
func runAll(ctx context.Context, g *gateway.Gateway, servers []*listen.Server, also ...func(context.Context) error) error {
	// The gateway runs on after the signal, to send the goodbyes.
	group, serving := errgroup.WithContext(context.WithoutCancel(ctx))
	inner, stop := context.WithCancel(serving)
	defer stop()
	for _, task := range append(also, g.Run) {
		group.Go(func() error { return task(inner) })
	}
	for _, s := range servers {
		group.Go(s.Run)
	}
	select {
	case <-ctx.Done():
		g.Drain(serving)
	case <-serving.Done(): // something failed: nothing to wait for
	}
	for _, s := range servers {
		s.Stop()
	}
	stop()
	return group.Wait()
}
