package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
)

const (
	// statusTimeout limits nudge status: it must not hang when something is wrong.
	statusTimeout = 10 * time.Second
	// statusBytes limits the answer. It is enough for 1,000 gateways and 1,000 that vanished.
	statusBytes = 8 << 20
)

func newStatusCommand(loader func() config.Loader) *cobra.Command {
	var ops string
	var asJSON, follow, ofShadow bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of a gateway, and what it knows of the fleet",
		Long: "Asks the operators' listener of a gateway: the configured ops_listen, or the URL of\n" +
			"--ops. Prints the state of the gateway, and all gateways that it knows of.\n\n" +
			"With --watch it asks again and again until Ctrl-C. On a terminal the page replaces itself.\n" +
			"Elsewhere it prints one page after the other, or one line of JSON with --json. It goes on\n" +
			"while the gateway is away, and says so on standard error.\n\n" +
			"With --shadow it says what pages with push: 'shadow' saw at all gateways, and whether that is\n" +
			"enough to switch push on (docs/migrate.md). With --json it prints this part of the\n" +
			"answer. Gateways add up once a minute, so a shorter --interval with --watch shows no more.",
		Example: "  nudge status\n  nudge status --watch\n  nudge status --ops http://10.0.0.7:9090 --json\n  nudge status --shadow\n  nudge status --shadow --watch --interval 1m",
		Args:    noArguments,
	}
	cmd.Flags().StringVar(&ops, "ops", "", "URL of the operators' listener; else ops_listen as configured")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the gateway's answer as it is")
	cmd.Flags().BoolVar(&follow, "watch", false, "ask again and again until Ctrl-C")
	cmd.Flags().BoolVar(&ofShadow, "shadow", false, "show what pages in shadow saw, and whether push can be switched on")
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "with --watch: how often to ask")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if interval < shortestInterval {
			return usageError{fmt.Errorf("--interval %v is below %v; write %[2]v or more", interval, shortestInterval)}
		}
		if cmd.Flags().Changed("interval") && !follow {
			return usageError{errors.New("--interval goes with --watch only: nudge status --watch --interval 5s")}
		}
		base, err := opsURL(ops, loader)
		if err != nil {
			return err
		}
		if follow {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			ticks := time.NewTicker(interval)
			defer ticks.Stop()
			return newStatusFollower(base, interval, ofShadow, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr()).run(ctx, ticks.C)
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), statusTimeout)
		defer cancel()
		text, s, err := askStatus(ctx, base)
		if err != nil {
			return err
		}
		if ofShadow {
			return s.printShadow(cmd.OutOrStdout(), time.Now(), asJSON)
		}
		if asJSON {
			_, err = cmd.OutOrStdout().Write(terminal.EscapeJSON(text))
			return err
		}
		return s.print(cmd.OutOrStdout(), time.Now())
	}
	return cmd
}

// askStatus asks the operators' listener for the status, and returns it as text and decoded.
func askStatus(ctx context.Context, base *url.URL) ([]byte, *gatewayStatus, error) {
	text, err := askOps(ctx, base)
	if err != nil {
		return nil, nil, err
	}
	s := new(gatewayStatus)
	if err := decodeStatus(text, s); err != nil {
		return nil, nil, fmt.Errorf("what answers at %s is no gateway (%w); name the operators' listener of one (ops_listen) with --ops",
			base.Redacted(), err)
	}
	return text, s, nil
}

// decodeStatus reads an answer of /status.
func decodeStatus(text []byte, s *gatewayStatus) error {
	err := json.Unmarshal(text, s)
	if err == nil && (s.Protocol == 0 || s.Instance == "") {
		err = errors.New("it names no protocol or no instance")
	}
	return err
}

// opsURL returns the URL of the flag, else that of the configured ops_listen.
func opsURL(flag string, loader func() config.Loader) (*url.URL, error) {
	if flag != "" {
		base, err := url.Parse(flag)
		if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
			return nil, usageError{fmt.Errorf("--ops %q is not the URL of an operators' listener; write it like http://127.0.0.1:9090", config.Hide(flag))}
		}
		return base, nil
	}
	l := loader()
	l.Only = []string{"ops_listen"}
	loaded, err := l.Load()
	if err != nil {
		return nil, err
	}
	address := loaded.Config.OpsListen
	if address == "" {
		return nil, usageError{errors.New("ops_listen is empty, so there is no listener to ask; set it, or name another gateway's with --ops URL")}
	}
	if config.LocalSocket(address) {
		return nil, usageError{fmt.Errorf("ops_listen is %s; name a listener that has a URL with --ops, or ask with curl --unix-socket", address)}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("ops_listen: %w", err)
	}
	if port == "0" {
		return nil, usageError{fmt.Errorf("ops_listen is %s, so the port changes at each start; take the present one from the log and write it as --ops URL", address)}
	}
	if config.EveryHost(host) { // it listens on all addresses of this machine
		host = "127.0.0.1"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, nil
}

// awayError says that nothing answers, which a gateway that starts again ends.
type awayError struct{ error }

// askOps returns the body of /status.
func askOps(ctx context.Context, base *url.URL) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.JoinPath("status").String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, awayError{fmt.Errorf("%w; check that nudge serve runs; if its ops_listen is not %s, name it with --ops http://HOST:PORT",
			clientError(err), base.Host)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("what answers at %s has no status (%s); name the operators' listener (ops_listen), not the public one (listen)",
			base.Redacted(), resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, statusBytes))
	if err != nil {
		return nil, awayError{fmt.Errorf("read the answer of /status: %w; try again", err)}
	}
	return text, nil
}
