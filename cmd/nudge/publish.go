package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/terminal"
	"nudge/version"
)

// publishTimeout bounds nudge publish: a script must not hang on a dead server.
const publishTimeout = 10 * time.Second

// advance is one element of POST /versions.
type advance struct {
	Project version.Project  `json:"project"`
	Version version.Version  `json:"version"`
	Prev    *version.Version `json:"prev,omitempty"`
	Writer  string           `json:"writer,omitempty"`
	Data    json.RawMessage  `json:"data,omitempty"`
	Reset   bool             `json:"reset,omitempty"`
}

func newPublishCommand(loader func() config.Loader) *cobra.Command {
	var to remote
	var prev, writer, data string
	var reset, asJSON bool
	cmd := &cobra.Command{
		Use:   "publish PROJECT@VERSION",
		Short: "Tell that a project has a newer version",
		Long: "Stores the version and announces it, as the application does after each commit.\n" +
			"Publishes to the gateway named by --gateway, else to the configured Redis. A version\n" +
			"that is not newer than the stored one is stale: nothing changes, and the exit code is 0.",
		Example: "  nudge publish example@124\n  nudge publish --gateway http://127.0.0.1:8080 --token \"$(nudge token --publish example)\" example@124",
		Args:    oneArgument("the project and its version, such as example@124"),
	}
	to.flags(cmd)
	cmd.Flags().StringVar(&prev, "prev", "", "version that the change was made upon")
	cmd.Flags().StringVar(&writer, "writer", "", "tag of the tab that made the change")
	cmd.Flags().StringVar(&data, "data", "", "the change itself, JSON of at most 8 KiB; needs --prev")
	cmd.Flags().BoolVar(&reset, "reset", false, "let the version go down: the project was restored")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		marks, err := parseMarks(args, true)
		if err != nil {
			return err
		}
		a := advance{Project: marks[0].Project, Version: marks[0].Version, Writer: writer, Data: json.RawMessage(data), Reset: reset}
		if prev != "" {
			v, err := version.ParseVersion(prev)
			if err != nil {
				return usageError{fmt.Errorf("--prev: %w", err)}
			}
			a.Prev = &v
		}
		// POST /versions reads the same text, so that both ways refuse the same values.
		text, err := json.Marshal(a)
		if err != nil {
			return usageError{fmt.Errorf("--data is not JSON: %.80s; write JSON, such as '{\"title\": \"new\"}'", data)}
		}
		var news version.News
		if err := news.UnmarshalJSON(text); err != nil {
			return usageError{err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), publishTimeout)
		defer cancel()
		receipt, err := to.publish(ctx, loader, news, text)
		if err != nil {
			return err
		}
		return printReceipt(cmd, marks[0], receipt, asJSON)
	}
	return cmd
}

func (r *remote) publish(ctx context.Context, loader func() config.Loader, news version.News, text []byte) (version.Receipt, error) {
	if r.gateway == "" {
		redis, err := r.redis(loader(), version.NewBoard(), slog.New(slog.DiscardHandler))
		if err != nil {
			return version.Receipt{}, err
		}
		defer redis.Close()
		return redis.Publish(ctx, []version.News{news})
	}
	req, err := r.request(ctx, http.MethodPost, "versions", nil, text)
	if err != nil {
		return version.Receipt{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return version.Receipt{}, fmt.Errorf("%w; check that the gateway runs, and that --gateway is its address", clientError(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return version.Receipt{}, readGatewayError(resp)
	}
	var receipt version.Receipt
	if err := json.NewDecoder(resp.Body).Decode(&receipt); err != nil {
		return receipt, fmt.Errorf("the answer is not a gateway's: %w; name a gateway with --gateway", err)
	}
	return receipt, nil
}

func printReceipt(cmd *cobra.Command, m version.Mark, r version.Receipt, asJSON bool) error {
	if asJSON {
		return terminal.WriteJSON(cmd.OutOrStdout(), map[string]int{"accepted": r.Accepted, "stale": r.Stale})
	}
	outcome := "published"
	if r.Stale > 0 {
		outcome = "stale: not newer than the version stored"
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", m, outcome)
	return err
}

func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return usageError{errors.New("one argument is needed: " + what)}
	}
}
