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
	"nudge/gateway"
	"nudge/version"
	"nudge/web/demo"
)

func newDemoCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what Nudge does: a small application, two windows, no Redis",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return runDemo(ctx, address, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&address, "listen", "127.0.0.1:8080", "address to serve on")
	return cmd
}

// demoConfig has short times, so that a visitor sees intervals change. It stores nothing and makes its own secret.
func demoConfig(address string) *config.Config {
	c := config.Default()
	c.Listen, c.OpsListen = address, ""
	c.Auth.Secret = rand.Text() + rand.Text()
	c.Poll.Fast, c.Poll.Slow = 3*time.Second, time.Minute
	c.Push.Ramp = 3 * time.Second
	c.Heartbeat = 5 * time.Second
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
	d := &demonstration{config: c}
	slots := newConnLimit()
	o := gatewayOptions(c, log)
	o.Released = slots.give
	o.Source = func(board *version.Board, host gateway.Host) (version.Source, error) {
		d.news = version.NewMemory(board, version.MemoryOptions{Evidence: host.Evidence})
		return d.news, nil
	}
	var err error
	if d.gateway, err = gateway.New(o); err != nil {
		return err
	}
	token, err := tokenClaims{subject: "terminal", publish: []string{demo.CounterProject}, ttl: 24 * time.Hour}.sign(c.Auth, time.Now())
	if err != nil {
		return err
	}
	public, err := listen("listen", address, config.TLS{}, nil, slots, log)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use; try make run LISTEN=%s", address, nextPort(address))
	}
	if err != nil {
		return err
	}
	base := "http://" + public.listener.Addr().String()
	if host, port, err := net.SplitHostPort(public.listener.Addr().String()); err == nil && config.EveryHost(host) {
		base = "http://" + net.JoinHostPort("127.0.0.1", port)
		fmt.Fprintf(stdout, "The demo listens on all addresses of this machine: everybody who can reach it can use it.\n\n")
	}
	program, err := os.Executable() // works wherever the line is pasted
	if err != nil {
		program = os.Args[0]
	}
	// Seconds since now: small, and greater each time the line is pasted.
	publish := fmt.Sprintf("NUDGE_TOKEN=%s %s publish --gateway %s %s@$(($(date +%%s)-%d))",
		token, program, base, demo.CounterProject, time.Now().Unix()-1)
	app := d.app(publish, log)
	if err := d.publish(ctx, demo.BoardProject, app.Version(), 0); err != nil {
		return err
	}
	public.Handler = routeDemo(app, d.gateway.Handler())
	fmt.Fprintf(stdout, demoText, base, demo.AddCommand(base), publish)
	return runAll(ctx, d.gateway, []*server{public})
}

const demoText = `Nudge demo: open %s in a browser, twice, and change a story in one window.

Then paste into another terminal, and watch the page.
Add a story through the application, which commits and then publishes:
  %s
Publish a number to the counter, as any script of yours could:
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

// demonstration connects the demo's application to its gateway.
type demonstration struct {
	gateway *gateway.Gateway
	news    *version.Memory

	mu     sync.Mutex
	config *config.Config // guarded by mu once the demo runs
}

func (d *demonstration) app(publishCommand string, log *slog.Logger) *demo.App {
	return demo.New(demo.Options{
		Publish: d.publish,
		SetPush: d.setPush,
		Push: func() bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.config.Push.Enabled
		},
		Token: func(ttl time.Duration) (string, error) {
			return tokenClaims{
				subject: "visitor", subscribe: []string{demo.BoardProject, demo.CounterProject}, ttl: ttl,
			}.sign(d.config.Auth, time.Now())
		},
		Newest: func(project string) (int64, bool) {
			p, err := version.ParseProject(project)
			if err != nil {
				return 0, false
			}
			v, known := d.news.Newest(p)
			return int64(v), known
		},
		Fast: d.config.Poll.Fast, Slow: d.config.Poll.Slow,
		PublishCommand: publishCommand, Log: log,
	})
}

func (d *demonstration) publish(ctx context.Context, project string, v, prev int64) error {
	p, err := version.ParseProject(project)
	if err != nil {
		return err
	}
	news := version.News{Project: p, Version: version.Version(v)}
	if prev > 0 {
		from := version.Version(prev)
		news.Prev = &from
	}
	_, err = d.news.Publish(ctx, []version.News{news})
	return err
}

// setPush is the switch on the page. It applies settings as a reload does.
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
