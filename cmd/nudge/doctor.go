package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/doctor"
	"nudge/cmd/nudge/terminal"
	"nudge/version"
)

func newDoctorCommand(loader func() config.Loader) *cobra.Command {
	var o doctor.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor URL",
		Short: "Find the hop between pages and a gateway that is broken, and say what to change",
		Long: "Does what a page does, from wherever it is started: finds the name, connects, sends the\n" +
			"token, opens a stream and watches it, and asks the other endpoints. It names the hop that\n" +
			"is broken, and prints the lines of the proxy to change. Checks that depend on that hop\n" +
			"are skipped.\n\n" +
			"URL is what pages use, with base_path. The token is that of --token or NUDGE_TOKEN; else\n" +
			"one is signed with auth.secret, if that is configured here; else the gateway must be\n" +
			"open. If a Redis is configured here, it also publishes a version of the project\n" +
			doctor.TestProject + ", which nobody else uses, and waits for it on the stream.\n\n" +
			"The exit code is 0 if all is well, 1 if something is broken, and 2 after a wrong call.",
		Example: "  nudge doctor https://app.example.com/push\n  nudge doctor --origin https://app.example.com --watch 2m https://push.example.com",
		Args:    oneArgument("the URL of a gateway, such as https://app.example.com/push"),
	}
	cmd.Flags().StringVar(&o.Token, "token", "", "token of a page (or NUDGE_TOKEN); else one is signed with auth.secret")
	cmd.Flags().StringVar(&o.Origin, "origin", "", "origin of the page, such as https://app.example.com; else that of URL")
	cmd.Flags().StringSliceVar(&o.Projects, "project", nil, "projects to watch; else one that the token covers")
	cmd.Flags().DurationVar(&o.Watch, "watch", 30*time.Second, "how long to watch the stream, to see whether something cuts it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := doctorOptions(&o, args[0]); err != nil {
			return err
		}
		close, err := doctorConfig(&o, loader())
		if err != nil {
			return err
		}
		defer close()
		ctx, stop := untilSignal(cmd.Context())
		defer stop()
		out, progress := cmd.OutOrStdout(), terminal.NewLine(cmd.ErrOrStderr())
		o.Busy = progress.Show
		o.Found = func(f doctor.Finding) {
			progress.Close()
			if !asJSON {
				io.WriteString(out, terminal.Lines(f.Text())) // if it fails, so does the last write
			}
		}
		report := doctor.Run(ctx, o)
		progress.Close()
		if asJSON {
			if err := terminal.WriteJSON(out, report); err != nil {
				return err
			}
		}
		switch {
		case len(report.Broken) > 0:
			return fmt.Errorf("broken: %s", strings.Join(report.Broken, ", "))
		case !report.Good:
			return errors.New("interrupted")
		case !asJSON:
			_, err = fmt.Fprintln(out, "all is well")
		}
		return err
	}
	return cmd
}

// doctorOptions checks the arguments.
func doctorOptions(o *doctor.Options, text string) error {
	var err error
	if o.URL, err = url.Parse(text); err != nil || o.URL.Scheme != "http" && o.URL.Scheme != "https" || o.URL.Host == "" {
		return usageError{fmt.Errorf("%q is not the URL of a gateway; write it like https://app.example.com/push", config.Hide(text))}
	}
	if o.Origin != "" {
		if u, err := url.Parse(o.Origin); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			return usageError{fmt.Errorf("--origin %q is not an origin; write it like https://app.example.com", o.Origin)}
		}
	}
	if o.Watch < 0 {
		return usageError{fmt.Errorf("--watch %v is negative; write 0s or more", o.Watch)}
	}
	_, err = parseMarks(o.Projects, false)
	return err
}

// doctorConfig adds what the configuration gives: a token, and access to Redis. The caller calls close.
func doctorConfig(o *doctor.Options, l config.Loader) (close func(), err error) {
	l.Only = []string{"auth", "redis"}
	loaded, err := l.Load()
	if err != nil {
		return nil, err
	}
	if o.Token == "" {
		o.Token = os.Getenv("NUDGE_TOKEN")
	}
	o.Claim = loaded.Config.Auth.Claims.Subscribe
	if auth := loaded.Config.Auth; o.Token == "" && auth.Secret != "" && !auth.Open {
		claims := tokenClaims{subject: doctor.TestProject, subscribe: append([]string{doctor.TestProject}, o.Projects...), ttl: time.Hour}
		if o.Token, err = claims.sign(auth, time.Now()); err != nil {
			return nil, err
		}
	}
	configured := false
	for key := range loaded.Origins {
		configured = configured || key == "redis.url" || key == "redis.addrs"
	}
	if !configured || loaded.Config.Redis.Mode == "none" {
		o.NoPublish = "no Redis is configured here; NUDGE_REDIS_URL gives one"
		return func() {}, nil
	}
	source, err := (&remote{}).redis(l, version.NewBoard(), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	project, err := version.ParseProject(doctor.TestProject)
	if err != nil {
		return nil, err
	}
	o.Publish = func(ctx context.Context, v int64) error {
		_, err := source.Publish(ctx, []version.News{{Project: project, Version: version.Version(v)}})
		return err
	}
	return func() { source.Close() }, nil
}
