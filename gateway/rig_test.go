package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nudge/fallback"
	"nudge/gateway"
	"nudge/gateway/auth"
	"nudge/gateway/stream/parked"
	"nudge/internal/apitest"
	"nudge/internal/secrettest"
	"nudge/version"
)

const secret = secrettest.Marker + ", a secret of thirty-two bytes or more"

// rig is a gateway that runs and is served, with its source. Within a bubble of synctest its network is
// pipes, so that time is fake; see bubble and wire.
type rig struct {
	*gateway.Gateway
	t         testing.TB
	source    *fake
	settings  gateway.Settings
	client    *http.Client
	url       string
	log       *buffer
	dial      func() (net.Conn, error)
	basePath  string
	stop      context.CancelFunc // ends Run
	read      int                // how much of the log was looked at
	admitting chan func()        // see whileAdmitting
}

// settings let everybody with a token in.
func settings() gateway.Settings {
	return gateway.Settings{
		Flag: fallback.Flag{Enabled: true, Percent: 100, Ramp: time.Minute},
		Policy: fallback.Policy{
			Fast: 10 * time.Second, Slow: 5 * time.Minute, Longest: time.Minute, Gap: time.Second,
			Jitter: 0.2, Heartbeat: 25 * time.Second,
		},
		Auth: auth.Settings{Secret: secret, Leeway: 30 * time.Second},
	}
}

// bubble runs f with fake time and a rig on pipes.
func bubble(t *testing.T, change func(*gateway.Options), f func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, change, pipes(1))
		synctest.Wait()
		f(t, r)
	})
}

// bare is a listener whose streams are not parked.
type bare struct{ net.Listener }

// wire is a rig on TCP, in real time.
func wire(t *testing.T, change func(*gateway.Options)) *rig {
	t.Helper()
	return wireOn(t, change, func(l net.Listener) net.Listener { return l })
}

func wireOn(t *testing.T, change func(*gateway.Options), wrap func(net.Listener) net.Listener) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, change, wrap(l))
	r.dial = func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	for r.get(r.basePath+"/versions?project=x").StatusCode == http.StatusServiceUnavailable { // until the first echo
	}
	return r
}

func newRig(t testing.TB, change func(*gateway.Options), l net.Listener) *rig {
	t.Helper()
	r := &rig{t: t, source: newFake(2 * time.Second), log: new(buffer), admitting: make(chan func(), 1)}
	opt := gateway.Options{
		Source: r.source.source, Settings: settings(), Node: "gw-1", Instance: "i-1", Version: "v0", Cookie: "nudge",
		OpsHosts:   []string{"gw.example"},
		Proven:     true,
		DrainDelay: 5 * time.Second, DrainWindow: 20 * time.Second,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&opt)
	}
	r.settings = opt.Settings
	g, err := gateway.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	ran := make(chan error, 1)
	go func() { ran <- g.Run(ctx) }()

	server := httptest.NewUnstartedServer(nil)
	server.Listener.Close()
	server.Listener = &parked.Listener{Listener: l}
	if b, ok := l.(bare); ok {
		server.Listener = b.Listener
	}
	server.Config = r.server()
	server.Start()
	transport := &http.Transport{DisableCompression: true}
	if p, ok := l.(*pipeListener); ok {
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return p.dial() }
		r.dial = p.dial
	}
	r.basePath = opt.BasePath
	r.client, r.url = &http.Client{Transport: r.documented(transport)}, "http://"+host(l)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Config.Close()
		server.Close()
		stop()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		log := r.log.String()
		secrettest.Check(t, "the log", log)
		if t.Failed() && log != "" {
			t.Log(log)
		}
	})
	return r
}

// documented compares the answers that come through a transport with docs/openapi.yaml and docs/asyncapi.yaml.
func (r *rig) documented(through http.RoundTripper) http.RoundTripper {
	return &apitest.Transport{RoundTripper: through, T: r.t, BasePath: r.basePath, Ops: "/ops/"}
}

// server serves both listeners' handlers: the operators' below /ops.
func (r *rig) server() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/ops/", http.StripPrefix("/ops", r.Ops()))
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		select {
		case do := <-r.admitting:
			req = req.WithContext(admission{req.Context(), sync.OnceFunc(do)})
		default:
		}
		r.Handler().ServeHTTP(w, req)
	})
	s := &http.Server{Handler: mux, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(r.log, nil), slog.LevelError), Protocols: new(http.Protocols), ConnContext: parked.ConnContext}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// whileAdmitting does something once while the next request asks the limits for a stream or a held poll: token and flag were
// judged already.
func (r *rig) whileAdmitting(do func()) { r.admitting <- do }

// admission notices that the connection of a request is asked for, which the limits need.
type admission struct {
	context.Context
	do func()
}

func (a admission) Value(key any) any {
	if fmt.Sprintf("%T", key) == "parked.connKey" {
		a.do()
	}
	return a.Context.Value(key)
}

func host(l net.Listener) string {
	if _, ok := l.(*pipeListener); ok {
		return "gw.example"
	}
	return l.Addr().String()
}

// answer is a whole answer.
type answer struct {
	*http.Response
	body string
}

// json reads the body into a map.
func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return m
}

// get sends a GET with the token of everybody, unless the headers ("Name: value") have another.
func (r *rig) get(path string, headers ...string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, path, "", headers...)
}

func (r *rig) post(path, body string, headers ...string) answer {
	r.t.Helper()
	return r.do(http.MethodPost, path, body, headers...)
}

func (r *rig) do(method, path, body string, headers ...string) answer {
	r.t.Helper()
	resp, err := r.client.Do(r.request(context.Background(), method, path, body, headers...))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if secrettest.Find(path+body) == "" { // what a caller has written itself may come back
		secrettest.Check(r.t, "the answer to "+method+" "+path, string(text))
	}
	return answer{resp, string(text)}
}

func (r *rig) request(ctx context.Context, method, path, body string, headers ...string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+anybody)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	return req
}

// news publishes 42@124 and the like.
func (r *rig) news(marks ...string) {
	r.t.Helper()
	for _, text := range marks {
		m := mark(r.t, text)
		r.publish(version.News{Project: m.Project, Version: m.Version})
	}
}

func (r *rig) publish(n version.News) {
	r.t.Helper()
	if _, err := r.source.Memory.Publish(context.Background(), []version.News{n}); err != nil {
		r.t.Fatal(err)
	}
}

func mark(t testing.TB, text string) version.Mark {
	t.Helper()
	m, err := version.ParseMark(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// apply changes the settings.
func (r *rig) apply(change func(*gateway.Settings)) {
	r.t.Helper()
	change(&r.settings)
	if err := r.Apply(r.settings); err != nil {
		r.t.Fatal(err)
	}
}

// streams is how many watch, by /status.
func (r *rig) streams() int {
	r.t.Helper()
	return int(r.get("/ops/status").json(r.t)["streams"].(float64))
}

// metric is one number of /metrics; -1 if it is not there.
func (r *rig) metric(series string) float64 {
	r.t.Helper()
	for line := range strings.Lines(r.get("/ops/metrics").body) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			var n float64
			if _, err := fmt.Sscan(rest, &n); err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	return -1
}

// closed is how many streams ended for a reason, of either kind.
func (r *rig) closed(reason string) float64 {
	r.t.Helper()
	series := `nudge_streams_closed_total{kind="%s",reason="` + reason + `"}`
	return r.metric(fmt.Sprintf(series, "goroutine")) + r.metric(fmt.Sprintf(series, "parked"))
}

// buffer is a log that may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
