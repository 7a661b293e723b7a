package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"nudge/cmd/nudge/config"
	"nudge/cmd/nudge/load"
	"nudge/cmd/nudge/terminal"
	"nudge/version"
	"nudge/version/redis"
)

// loadWorker is the hidden command that reads streams for nudge load.
const loadWorker = "load-worker"

// loadFlags are the flags of nudge load that are not load.Options themselves.
type loadFlags struct {
	token      string
	publish    string
	oneSubject bool
	asJSON     bool
}

func newLoadCommand(loader func() config.Loader) *cobra.Command {
	var o load.Options
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Open many streams, publish, and measure",
		Long: "Opens streams of one or more gateways, waits, publishes advances, and reports connects\n" +
			"and deliveries per second, latencies, and what was lost, refused or closed. For gateways\n" +
			"on this machine it also reports memory per stream and CPU. Use it to find out how much a\n" +
			"machine can serve: run it against a gateway that nobody else uses. To measure memory,\n" +
			"restart the gateway first. Linux only.\n\n" +
			"Streams get tokens signed with the configured auth.secret, unless --token is given.\n" +
			"Advances go to Redis as configured, or with --publish http to the first gateway.\n" +
			"Each version is the Unix time in µs, so its reader knows how old it is.\n\n" +
			"Ctrl-C stops it with the figures so far. Exit 1: something was lost, refused or failed.",
		Example: "  nudge load --streams 19000 --projects 1000 --rate 0 --settle 40s        # memory of idle streams\n" +
			"  nudge load --streams 10000 --projects 1 --window 1 --duration 30s       # highest deliveries/s\n" +
			"  nudge load --streams 30000 --projects 5000 --rate 100 --duration 5m \\\n" +
			"    --gateway http://127.0.0.1:8080,http://127.0.0.1:8081                 # two gateways\n" +
			"  nudge load --streams 19000 --projects 1000 --rate 0 --reconnect         # all come back at once",
		Args: noArguments,
	}
	gateways := []string{load.DefaultGateway}
	if named := os.Getenv("NUDGE_GATEWAY"); named != "" {
		gateways = []string{named}
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringSliceVar(&o.Gateways, "gateway", gateways, "URLs of gateways, plain HTTP; streams are spread over them (or NUDGE_GATEWAY)")
	fl.Lookup("gateway").DefValue = load.DefaultGateway
	fl.IntVar(&o.Streams, "streams", load.DefaultStreams, "streams to open")
	fl.IntVar(&o.Projects, "projects", 0, "projects that they watch together (default 100, but not more than streams)")
	fl.IntVar(&o.PerStream, "projects-per-stream", 1, "projects that each stream watches, up to 64")
	fl.StringVar(&o.Prefix, "prefix", load.DefaultPrefix, "beginning of the projects' names; a number follows")
	fl.Float64Var(&o.Rate, "rate", 10, "advances per second, over all projects in turn; may be a fraction; 0: publish nothing")
	fl.IntVar(&o.Window, "window", 0, "instead of --rate: how many advances are under way at once; the next follows when all watchers have one; 1 finds the highest deliveries/s")
	fl.DurationVar(&o.Duration, "duration", 30*time.Second, "how long to publish, or to hold the streams with --rate 0")
	fl.DurationVar(&o.Settle, "settle", 10*time.Second, "how long to wait after the last connect before memory is read")
	fl.DurationVar(&o.Grace, "grace", load.DefaultGrace, "how long the newest versions may take at the end, before a stream counts as lost")
	fl.IntVar(&o.Inflight, "inflight", 256, "connects under way at once; 0: all")
	fl.DurationVar(&o.Timeout, "connect-timeout", load.DefaultTimeout, "how long a stream's hello may take")
	fl.BoolVar(&o.Reconnect, "reconnect", false, "after settling, close all streams at once, open them again at once, and say how long that took")
	fl.BoolVar(&o.Reopen, "reopen", false, "reopen streams that end, at the time that their goodbye says (default: they count as closed)")
	fl.StringVar(&f.publish, "publish", "", "where to publish: redis, or http for POST /versions of the first gateway (default redis, if one is configured)")
	fl.StringVar(&f.token, "token", "", "token for all streams, and for --publish http (or NUDGE_TOKEN; default: signed with auth.secret)")
	fl.BoolVar(&f.oneSubject, "one-subject", false, "sign one token for all streams (default: each stream is another user)")
	fl.StringSliceVar(&o.Sources, "source", nil, "local addresses to connect from (default: several of 127.0.0.0/8 where one has too few ports)")
	fl.IntSliceVar(&o.PIDs, "pid", nil, "processes of the gateways, to measure (default: those that listen at the gateways' ports)")
	fl.IntVar(&o.Workers, "workers", 0, "reading processes; 0: as the limit of open files demands, one for each 19,000 streams at most")
	fl.BoolVar(&f.asJSON, "json", false, "print the result as one JSON object")
	completeValues(cmd, "publish", "redis", "http")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Streams < 1 { // 0 in the options would be the default
			return usageError{fmt.Errorf("--streams: %d opens none; write 1 or more", o.Streams)}
		}
		if o.Window > 0 && !fl.Changed("rate") {
			o.Rate = 0
		}
		if (o.Rate > 0 || o.Window > 0) && f.publish != "" && f.publish != "redis" && f.publish != "http" {
			return usageError{fmt.Errorf("--publish %q: write redis or http", f.publish)}
		}
		return runLoad(cmd, loader(), o, f)
	}
	return cmd
}

func newLoadWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    loadWorker,
		Short:  "Read streams for nudge load, which starts this itself",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return load.Worker(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

func runLoad(cmd *cobra.Command, l config.Loader, o load.Options, f loadFlags) error {
	l.Only = []string{"auth", "redis"}
	loaded, err := l.Load()
	if err != nil {
		return err
	}
	c := loaded.Config
	if len(o.Gateways) == 0 {
		o.Gateways = []string{load.DefaultGateway}
	}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	publishing := o.Rate > 0 || o.Window > 0
	if publishing {
		var done func()
		if o.Publish, done, err = f.publisher(c, o); err != nil {
			return err
		}
		defer done()
	}
	if o.Tokens, err = f.tokens(c.Auth, o, time.Now()); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to start readers: %w; start nudge by its full path", err)
	}
	o.Command = []string{self, loadWorker}
	o.Progress = cmd.ErrOrStderr()
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	result, err := load.Run(ctx, o)
	if err != nil {
		return err
	}
	if f.asJSON {
		err = terminal.WriteJSON(cmd.OutOrStdout(), result)
	} else {
		err = result.Print(cmd.OutOrStdout())
	}
	if err == nil && !result.OK() {
		err = errors.New("load: something was lost, refused or failed; the result says what, and what to do")
	}
	return err
}

// tokens returns the tokens of the streams. Without a secret it returns none: the gateway may run with auth.open.
func (f loadFlags) tokens(auth config.Auth, o load.Options, now time.Time) ([]string, error) {
	if token := f.given(); token != "" {
		return []string{token}, nil
	}
	if auth.Open || auth.Secret == "" {
		return nil, nil
	}
	n := o.Streams
	if f.oneSubject {
		n = 1
	}
	tokens := make([]string, n)
	for i := range tokens {
		g := tokenClaims{subject: "load-" + strconv.Itoa(i), subscribe: []string{o.Prefix + "*"}, ttl: tokenLife(o)}
		token, err := g.sign(auth, now)
		if err != nil {
			return nil, err
		}
		tokens[i] = token
	}
	return tokens, nil
}

// given returns the token of --token or NUDGE_TOKEN, or "".
func (f loadFlags) given() string {
	if f.token != "" {
		return f.token
	}
	return os.Getenv("NUDGE_TOKEN")
}

// tokenLife is how long tokens must live: streams end in the last fifth of it.
func tokenLife(o load.Options) time.Duration { return 24*time.Hour + 2*(o.Settle+o.Duration) }

// publisher returns a function that publishes, and done, which the caller must call at the end.
func (f loadFlags) publisher(c *config.Config, o load.Options) (publish func(context.Context, []load.Advance) (int, error), done func(), err error) {
	if f.publish == "redis" || f.publish == "" && c.Redis.Mode != "none" {
		return publishToRedis(c)
	}
	to := remote{gateway: o.Gateways[0], token: f.given()}
	if to.token == "" && c.Auth.Secret == "" {
		return nil, nil, usageError{errors.New("there is no Redis and no secret, so there is no way to publish; configure redis, set NUDGE_AUTH_SECRET to the gateway's secret, " +
			"give --token, or publish nothing with --rate 0")}
	}
	if to.token == "" {
		if to.token, err = (tokenClaims{publish: []string{o.Prefix + "*"}, ttl: tokenLife(o)}).sign(c.Auth, time.Now()); err != nil {
			return nil, nil, err
		}
	}
	return to.publishAll, http.DefaultClient.CloseIdleConnections, nil
}

func publishToRedis(c *config.Config) (publish func(context.Context, []load.Advance) (int, error), done func(), err error) {
	if c.Redis.Mode == "none" {
		return nil, nil, usageError{errors.New("redis.mode is none, so there is no Redis to publish to; write --publish http, or set NUDGE_REDIS_URL")}
	}
	source, err := redis.New(version.NewBoard(), redisOptions(c, slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, nil, err
	}
	publish = func(ctx context.Context, advances []load.Advance) (int, error) {
		news := make([]version.News, len(advances))
		for i, a := range advances {
			p, err := version.ParseProject(a.Project)
			if err != nil {
				return 0, err
			}
			news[i] = version.News{Project: p, Version: version.Version(a.Version)}
		}
		receipt, err := source.Publish(ctx, news)
		return receipt.Stale, err
	}
	return publish, source.Close, nil
}

// publishAll publishes advances over HTTP.
func (r *remote) publishAll(ctx context.Context, advances []load.Advance) (stale int, err error) {
	list := make([]advance, len(advances))
	for i, a := range advances {
		p, err := version.ParseProject(a.Project)
		if err != nil {
			return 0, err
		}
		list[i] = advance{Project: p, Version: version.Version(a.Version)}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return 0, err
	}
	req, err := r.request(ctx, http.MethodPost, "versions", nil, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, clientError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, readGatewayError(resp)
	}
	var receipt version.Receipt
	if err := json.NewDecoder(resp.Body).Decode(&receipt); err != nil {
		return 0, fmt.Errorf("the answer is not a gateway's: %w; name a gateway with --gateway", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection can be reused
	return receipt.Stale, nil
}
