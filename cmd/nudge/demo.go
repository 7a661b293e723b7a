package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/listen"
	"nudge/cmd/nudge/outage"
	"nudge/gateway"
	"nudge/gateway/limits"
	"nudge/version"
	"nudge/web"
	"nudge/web/demo"
)

func newDemoCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what Nudge does: a small application, two boards, no Redis",
		Long: "Serves a small application with two boards, and a gateway that needs no Redis. The page has\n" +
			"switches that break things. Nothing is stored. Ctrl-C ends it.",
		Example: "  nudge demo\n  nudge demo --listen localhost:8081",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return runDemo(ctx, address, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&address, "listen", "localhost:8080", "address to serve on")
	return cmd
}

// demoConfig has short times, so that a visitor sees intervals change. It stores nothing and makes its own secret.
func demoConfig(address string) *config.Config {
	c := config.Default()
	c.Listen, c.OpsListen = address, ""
	c.Auth.Secret = rand.Text() + rand.Text()
	c.Poll.Fast, c.Poll.Slow = 3*time.Second, time.Minute
	c.Push.Ramp = 3 * time.Second
	c.Heartbeat = 2 * time.Second          // a page knows after twice this time that a stream is silent
	c.Redis.Probe = 500 * time.Millisecond // five echoes after an outage, and push is healthy again
	c.Drain.Delay, c.Drain.Window = 0, 0
	c.Log.Level = "warn"
	return c
}

// runDemo serves the demo until ctx ends.
func runDemo(ctx context.Context, address string, stdout, stderr io.Writer) error {
	if _, err := config.Parse("listen", address); err != nil {
		return usageError{fmt.Errorf("--listen: %w", err)}
	}
	c := demoConfig(address)
	log, _ := newLogger(c.Log, stderr)
	d := &demonstration{config: c, log: log, proxy: outage.NewProxy()}
	if err := d.newGateway(); err != nil {
		return err
	}
	public, err := listen.Open(listen.Options{Key: "listen", Address: address, Places: limits.NewConnections(0, log), Log: log})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use; try make run LISTEN=%[2]s, or nudge demo --listen %[2]s", address, nextPort(address))
	}
	if err != nil {
		return err
	}
	base := "http://" + public.Listener.Addr().String()
	if host, port, err := net.SplitHostPort(public.Listener.Addr().String()); err == nil && config.EveryHost(host) {
		base = "http://" + net.JoinHostPort("127.0.0.1", port)
		fmt.Fprintf(stdout, "The demo listens on all addresses of this machine: everybody who can reach it can use it.\n\n")
	}
	watch, err := d.watchCommand(base)
	if err != nil {
		return err
	}
	app := d.app(watch)
	if err := d.publish(ctx, demo.Change{Version: app.Version()}); err != nil {
		return err
	}
	if err := d.server.Set(true); err != nil {
		return fmt.Errorf("the gateway behind the demo: %w", err)
	}
	public.Handler = routeDemo(app, d.proxy)
	context.AfterFunc(ctx, func() { d.proxy.Set(true) }) // streams held back would not hear the goodbye
	fmt.Fprintf(stdout, demoText, base, demo.AddCommand(base), watch)
	return runAll(ctx, d.gateway, []*listen.Server{public}, app.Run, d.server.Run)
}

const demoText = `Nudge demo: open %s in a browser.

Then paste into another terminal.
Add a story through the application, which commits and then publishes:
  %s
Print what Nudge sends, one line for each change:
  %s

Ctrl-C ends it.
`

// routeDemo puts the application and the gateway behind one address, as a proxy would.
func routeDemo(app, gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/app/") {
			app.ServeHTTP(w, r)
			return
		}
		gateway.ServeHTTP(w, r)
	})
}

// demonstration connects the demo's application to its gateway, which is behind a proxy as in production.
type demonstration struct {
	log     *slog.Logger
	gateway *gateway.Gateway
	source  *outage.Source
	server  *outage.Server
	proxy   *outage.Proxy

	mu     sync.Mutex
	config *config.Config // guarded by mu once the demo runs
}

// newGateway makes the gateway, its source and its server. It starts nothing.
func (d *demonstration) newGateway() error {
	places := limits.NewConnections(0, d.log)
	o := gatewayOptions(d.config, d.log)
	o.Connections = places
	o.Source = func(board *version.Board, host gateway.Host) (version.Source, error) {
		d.source = outage.NewSource(board, version.MemoryOptions{Probe: d.config.Redis.Probe, Evidence: host.Evidence})
		return d.source, nil
	}
	var err error
	if d.gateway, err = gateway.New(o); err != nil {
		return err
	}
	d.server = &outage.Server{Proxy: d.proxy, Listen: func() (net.Listener, *http.Server, error) {
		s, err := listen.Open(listen.Options{
			Key: "the gateway", Address: "127.0.0.1:0", Handler: d.gateway.Handler(), Places: places, Log: d.log,
		})
		if err != nil {
			return nil, nil, err
		}
		return s.Listener, &s.Server, nil
	}}
	return nil
}

// app makes the application. Visitors may break whatever is between it and its pages.
func (d *demonstration) app(watchCommand string) *demo.App {
	scripts := map[string][]byte{}
	for _, f := range web.Files() {
		if name := strings.TrimSuffix(f.Name, ".map"); name == "nudge.js" || name == "nudge.inspect.js" {
			scripts[f.Name] = f.Content
		}
	}
	return demo.New(demo.Options{
		Publish: d.publish,
		Switches: map[string]demo.Switch{
			"redis":   {On: d.source.On, Set: d.source.Set},
			"gateway": {On: d.server.On, Set: d.server.Set},
			"events":  {On: d.proxy.On, Set: d.proxy.Set},
			"push":    {On: d.push, Set: d.setPush},
		},
		Token: func(ttl time.Duration) (string, error) {
			return tokenClaims{subject: "visitor", subscribe: []string{demo.Project}, ttl: ttl}.sign(d.config.Auth, time.Now())
		},
		Scripts: scripts,
		Fast:    d.config.Poll.Fast, Slow: d.config.Poll.Slow,
		WatchCommand: watchCommand, Log: d.log,
	})
}

// watchCommand is a command line that works wherever it is pasted.
func (d *demonstration) watchCommand(base string) (string, error) {
	token, err := tokenClaims{subject: "terminal", subscribe: []string{demo.Project}, ttl: 24 * time.Hour}.sign(d.config.Auth, time.Now())
	if err != nil {
		return "", err
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return fmt.Sprintf("NUDGE_TOKEN=%s %s watch --gateway %s %s", token, program, base, demo.Project), nil
}

func (d *demonstration) publish(ctx context.Context, c demo.Change) error {
	p, err := version.ParseProject(demo.Project)
	if err != nil {
		return err
	}
	news := version.News{Project: p, Version: version.Version(c.Version), Writer: c.Writer}
	if c.Prev > 0 {
		from := version.Version(c.Prev)
		news.Prev, news.Data = &from, c.Data
	}
	_, err = d.source.Publish(ctx, []version.News{news})
	return err
}

func (d *demonstration) push() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config.Push.Enabled
}

// setPush applies the flag as a reload of the configuration does.
func (d *demonstration) setPush(on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := *d.config
	c.Push.Enabled = on
	if err := d.gateway.Apply(gatewaySettings(&c)); err != nil {
		return err
	}
	d.config = &c
	return nil
}

// nextPort is the address one port up, to be tried when this one is taken.
func nextPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	var n int
	if _, scanErr := fmt.Sscan(port, &n); err != nil || scanErr != nil {
		return "127.0.0.1:8081"
	}
	return net.JoinHostPort(host, fmt.Sprint(n+1))
}
