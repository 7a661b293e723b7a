package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
	"github.com/tmaxmax/go-sse"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/version"
)

func newWatchCommand(loader func() config.Loader) *cobra.Command {
	var from remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch PROJECT…",
		Short: "Print each advance of projects, one per line",
		Long: "Prints the newest version of each project, such as 42@124, and then each advance, until\n" +
			"interrupted. Connects to the gateway named by --gateway, else to the configured Redis.",
		Example: "  nudge watch 42 7\n  nudge watch --gateway http://127.0.0.1:8080 --json 42",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name at least one project, such as 42")}
			}
			return nil
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print each advance as JSON, one per line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		marks, err := parseMarks(args, false)
		if err != nil {
			return err
		}
		ctx, stop := untilSignal(cmd.Context())
		defer stop()
		w := &watcher{remote: from, out: cmd.OutOrStdout(), notes: cmd.ErrOrStderr(), asJSON: asJSON, marks: marks}
		if from.gateway != "" {
			return w.gatewayLoop(ctx)
		}
		return w.redisLoop(ctx, loader())
	}
	return cmd
}

// watcher prints a version of a project if it is another than the last one printed.
type watcher struct {
	remote
	out    io.Writer
	notes  io.Writer // gets everything that is not a result
	asJSON bool
	marks  []version.Mark
	last   map[string]version.Version
}

func (w *watcher) print(project string, v version.Version) error {
	if last, printed := w.last[project]; printed && last == v {
		return nil
	}
	if w.last == nil {
		w.last = map[string]version.Version{}
	}
	w.last[project] = v
	if w.asJSON {
		return terminal.WriteJSON(w.out, struct {
			Project string          `json:"project"`
			Version version.Version `json:"version"`
		}{project, v})
	}
	_, err := fmt.Fprintf(w.out, "%s@%d\n", printable(project), v)
	return err
}

// note writes a line. It may have text of a gateway.
func (w *watcher) note(format string, args ...any) {
	fmt.Fprintln(w.notes, printable(fmt.Sprintf(format, args...)))
}

func (w *watcher) redisLoop(ctx context.Context, l config.Loader) error {
	board := version.NewBoard()
	source, err := w.redis(l, board, slog.New(slog.NewTextHandler(w.notes, nil)))
	if err != nil {
		return err
	}
	defer source.Close()
	for _, m := range w.marks {
		source.Watch(m.Project)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-board.Changed():
		}
		for _, c := range board.Take(nil) {
			if !c.Known {
				continue
			}
			if err := w.print(c.Project.String(), c.Version); err != nil {
				stop()
				<-done
				return err
			}
		}
	}
}

// gatewayLoop reads one stream after the other.
func (w *watcher) gatewayLoop(ctx context.Context) error {
	failures := 0
	for {
		after, err := w.stream(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var refused *gatewayError
		var usage usageError
		if errors.As(err, &usage) || errors.As(err, &refused) && refused.final() {
			return err
		}
		failures++
		if err == nil {
			failures = 0
		} else {
			w.note("%v; trying again", err)
			after = max(after, min(30*time.Second, time.Second<<min(failures, 5)))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(after + time.Duration(rand.Int64N(int64(after/4)+1))):
		}
	}
}

// stream reads one stream to its end, and returns how long to wait before the next one.
func (w *watcher) stream(ctx context.Context) (after time.Duration, err error) {
	query := url.Values{}
	for _, m := range w.marks {
		query.Add("project", m.Project.String())
	}
	req, err := w.request(ctx, http.MethodGet, "events", query, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, clientError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return 0, &gatewayError{status: resp.StatusCode, detail: "push is off for these projects; see nudge push status, and push in the gateway's configuration"}
	}
	if resp.StatusCode != http.StatusOK {
		refused := readGatewayError(resp)
		return refused.after, refused
	}
	for event, err := range sse.Read(resp.Body, nil) {
		if err != nil {
			return 0, fmt.Errorf("the stream broke: %w", err)
		}
		after, ended, err := w.event(event)
		if err != nil || ended {
			return after, err
		}
	}
	return 0, errors.New("the stream ended without a goodbye")
}

// event handles one event. ended is true after a goodbye.
func (w *watcher) event(e sse.Event) (after time.Duration, ended bool, err error) {
	var data struct {
		Project  string
		Version  version.Version
		Versions map[string]version.Version
		Unknown  []string
		Denied   []string
		Off      []string
		Reason   string
		AfterMS  int64 `json:"after_ms"`
		SpreadMS int64 `json:"spread_ms"`
	}
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil {
		return 0, false, fmt.Errorf("event %q is not a gateway's: %w; name a gateway with --gateway", e.Type, err)
	}
	switch e.Type {
	case "hello":
		for _, project := range data.Unknown {
			w.note("%s: the gateway does not know the version of this project; publish one", project)
		}
		for _, project := range append(data.Denied, data.Off...) {
			w.note("%s: no news of this project; the token does not cover it, or push is off for it", project)
		}
		for project, v := range data.Versions {
			if err := w.print(project, v); err != nil {
				return 0, false, err
			}
		}
	case "version":
		return 0, false, w.print(data.Project, data.Version)
	case "goodbye":
		w.note("the gateway ends the stream: %s", data.Reason)
		if data.Reason == "off" || data.Reason == "revoked" {
			return 0, true, &gatewayError{status: http.StatusNoContent, detail: "push was switched off, or the token revoked"}
		}
		wait := data.AfterMS + rand.Int64N(data.SpreadMS+1)
		return time.Duration(wait) * time.Millisecond, true, nil
	}
	return 0, false, nil
}
