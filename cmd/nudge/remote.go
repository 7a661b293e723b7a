package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/version"
	"nudge/version/redis"
)

// remote is where publish and watch connect to: the named gateway, else the configured Redis.
type remote struct {
	gateway string
	token   string
}

// flags adds --gateway and --token. The environment can replace both, so that a token need not be typed.
func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.gateway, "gateway", os.Getenv("NUDGE_GATEWAY"), "URL of a gateway (or NUDGE_GATEWAY); else Redis as configured")
	cmd.Flags().StringVar(&r.token, "token", "", "token for the gateway (or NUDGE_TOKEN)")
	cmd.Flags().Lookup("gateway").DefValue = ""
}

// redis connects to Redis as configured. The caller closes it.
func (r *remote) redis(l config.Loader, board *version.Board, log *slog.Logger) (*redis.Source, error) {
	l.Only = []string{"redis"}
	loaded, err := l.Load()
	if err != nil {
		return nil, err
	}
	if loaded.Config.Redis.Mode == "none" {
		return nil, usageError{errors.New("redis.mode is none, so there is no Redis to connect to; name a gateway with --gateway URL, or set NUDGE_REDIS_URL")}
	}
	return redis.New(board, redisOptions(loaded.Config, log))
}

// emergencyRedis connects to Redis as configured, and reads only the section redis and the keys of also: a command for
// emergencies must work while other keys have mistakes. It warns of these. none says what to do if there is no Redis. The
// caller closes the source.
func emergencyRedis(l config.Loader, warnings io.Writer, none string, also ...string) (*redis.Source, *config.Config, error) {
	l.Only = append([]string{"redis"}, also...)
	loaded, err := l.Load()
	if err != nil {
		return nil, nil, err
	}
	for _, mistake := range loaded.Passed {
		fmt.Fprintf(warnings, "warning: ignored: %s\n", mistake)
	}
	if loaded.Config.Redis.Mode == "none" {
		return nil, nil, usageError{errors.New("redis.mode is none, so " + none)}
	}
	source, err := redis.New(version.NewBoard(), redisOptions(loaded.Config, slog.New(slog.DiscardHandler)))
	return source, loaded.Config, err
}

// request makes a request to the gateway.
func (r *remote) request(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Request, error) {
	base, err := url.Parse(r.gateway)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, usageError{fmt.Errorf("--gateway %q is not the URL of a gateway; write it like http://127.0.0.1:8080", config.Hide(r.gateway))}
	}
	target := base.JoinPath(path)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	token := r.token
	if token == "" {
		token = os.Getenv("NUDGE_TOKEN")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// gatewayError is a gateway's answer with another status than success.
type gatewayError struct {
	status int
	detail string
	after  time.Duration
}

func (e *gatewayError) Error() string {
	return fmt.Sprintf("the gateway refuses (%d): %s", e.status, printable(e.detail))
}

// final tells whether another try would get the same answer.
func (e *gatewayError) final() bool {
	return e.status >= 400 && e.status < 500 && e.status != http.StatusTooManyRequests || e.status == http.StatusNoContent
}

// readGatewayError reads the error from a gateway's answer.
func readGatewayError(resp *http.Response) *gatewayError {
	e := &gatewayError{status: resp.StatusCode, detail: http.StatusText(resp.StatusCode)}
	var problem struct{ Detail string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // if the body breaks off, the status is enough
	if json.Unmarshal(text, &problem) == nil && problem.Detail != "" {
		e.detail = problem.Detail
	}
	if resp.StatusCode == http.StatusUnauthorized {
		e.detail += "; give one with --token or NUDGE_TOKEN (nudge token signs one)"
	}
	if seconds, err := time.ParseDuration(resp.Header.Get("Retry-After") + "s"); err == nil {
		e.after = seconds
	}
	return e
}

// clientError removes the operation and the URL from an HTTP client's error: the URL may hold a token.
func clientError(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return fmt.Errorf("reach the gateway: %w", wrapped.Err)
	}
	return err
}

// parseMarks reads arguments such as 42@124, or, if versions are not wanted, 42.
func parseMarks(args []string, versions bool) ([]version.Mark, error) {
	marks := make([]version.Mark, len(args))
	for i, arg := range args {
		m, err := version.ParseMark(arg)
		if err == nil && versions && !m.Known {
			err = fmt.Errorf("%s has no version; write %s@124", arg, arg)
		}
		if err == nil && !versions && m.Known {
			err = fmt.Errorf("%s has a version; write %s", arg, strings.Split(arg, "@")[0])
		}
		if err != nil {
			return nil, usageError{err}
		}
		marks[i] = m
	}
	return marks, nil
}
