// Command conformance does what the tests of clients/conformance ask for, with the packages for applications in Go.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/polls"
	"nudge/clients/go/publish"
	"nudge/clients/go/token"
	"nudge/version"
)

type request struct {
	Do       string
	Project  any
	Version  json.Number
	Prev     *version.Version
	Writer   string
	Data     json.RawMessage
	Reset    bool
	News     [][2]any
	User     any
	Projects []any
	TTL      *int
	From, To int64
	Threads  int
	Time     int64
	Versions map[string]int64
	Path     string
	Identity map[string]string
}

type object = map[string]any

type application struct {
	publisher *publish.Publisher
	announcer *publish.Announcer
	client    *redis.Client
	signer    token.Signer
	log       *lines

	mu       sync.Mutex // guards the fields below
	versions map[string]int64
	calls    map[string]int
}

func main() {
	options, err := redis.ParseURL(os.Getenv("REDIS_URL"))
	if err != nil {
		panic(err)
	}
	options.ContextTimeoutEnabled = true
	log := &lines{}
	client := redis.NewClient(options)
	publisher := publish.To(client, publish.Options{})
	a := &application{
		publisher: publisher, announcer: publisher.Announcer(slog.New(slog.NewTextHandler(log, nil))), client: client, log: log,
		signer: token.Signer{Secret: []byte(os.Getenv("NUDGE_SECRET")), Audience: "nudge"}, versions: map[string]int64{}, calls: map[string]int{},
	}
	for asked := bufio.NewScanner(os.Stdin); asked.Scan(); {
		var r request
		in := json.NewDecoder(bytes.NewReader(asked.Bytes()))
		in.UseNumber()
		answer := object{"error": "not read"}
		if err := in.Decode(&r); err == nil {
			answer = a.answer(context.Background(), r)
		} else {
			answer["error"] = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			panic(err)
		}
	}
}

func (a *application) answer(ctx context.Context, r request) object {
	switch r.Do {
	case "publish":
		n, err := r.news()
		if err != nil { // in Go the compiler and ParseProject keep such values from being announced
			a.log.Write([]byte(err.Error() + "\n"))
			return object{"announced": false}
		}
		return object{"announced": a.announcer.AnnounceNews(ctx, n) == 1}
	case "publish_or_raise":
		n, err := r.news()
		if err != nil {
			return object{"error": err.Error()}
		}
		receipt, err := a.publisher.Publish(ctx, n)
		if err != nil {
			return object{"error": err.Error()}
		}
		return object{"announced": receipt.Accepted == 1}
	case "publish_many":
		var all []version.News
		for _, pair := range r.News {
			n, err := (request{Project: pair[0], Version: json.Number(fmt.Sprint(pair[1]))}).news()
			if err != nil {
				return object{"error": err.Error()}
			}
			all = append(all, n)
		}
		return object{"announced": a.announcer.AnnounceNews(ctx, all...)}
	case "token":
		var projects []string
		for _, p := range r.Projects {
			projects = append(projects, fmt.Sprint(p))
		}
		user, life := "", time.Hour
		if r.User != nil {
			user = fmt.Sprint(r.User)
		}
		if r.TTL != nil {
			life = time.Duration(*r.TTL) * time.Second
		}
		text, err := a.signer.For(user, projects, life, nil)
		if err != nil {
			return object{"error": err.Error()}
		}
		return object{"token": text}
	case "threads":
		return object{"announced": a.threads(ctx, r)}
	case "validator":
		return a.validator(r)
	case "serve":
		return a.serve()
	case "set_version":
		a.mu.Lock()
		defer a.mu.Unlock()
		a.versions[fmt.Sprint(r.Project)], _ = r.Version.Int64()
		return object{}
	case "logged":
		return object{"lines": a.log.all()}
	}
	return object{"unsupported": true} // nobody forks, and there is no SQLite: clients/go/outbox has its own tests
}

// news are those of a request.
func (r request) news() (version.News, error) {
	p, err := version.ParseProject(fmt.Sprint(r.Project))
	if err != nil {
		return version.News{}, err
	}
	v, err := version.ParseVersion(r.Version.String())
	if err != nil {
		return version.News{}, err
	}
	return version.News{Project: p, Version: v, Prev: r.Prev, Writer: r.Writer, Data: r.Data, Reset: r.Reset}, nil
}

func (a *application) threads(ctx context.Context, r request) int {
	list := make(chan int64)
	counts := make(chan int)
	for range r.Threads {
		go func() {
			n := 0
			for v := range list {
				if a.announcer.Announce(ctx, fmt.Sprint(r.Project), v) {
					n++
				}
			}
			counts <- n
		}()
	}
	for v := r.From; v <= r.To; v++ {
		list <- v
	}
	close(list)
	total := 0
	for range r.Threads {
		total += <-counts
	}
	return total
}

func (a *application) validator(r request) object {
	var identity [][2]string
	for _, name := range []string{"cookie:sid", "header:authorization", "header:x-user"} { // in the order of the vectors
		if value, given := r.Identity[name]; given {
			identity = append(identity, [2]string{name, value})
		}
	}
	etag, err := polls.Validator(a.signer.Secret, time.Unix(r.Time, 0), r.Versions, r.Path, identity)
	if err != nil {
		return object{"error": err.Error()}
	}
	return object{"etag": etag}
}

func (a *application) serve() object {
	middleware, err := polls.Middleware(a.client, polls.Options{Secret: a.signer.Secret, Identity: []string{"cookie:sid"}, Log: slog.New(slog.NewTextHandler(a.log, nil))})
	if err != nil {
		return object{"error": err.Error()}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return object{"error": err.Error()}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/projects/{id}/changes", a.changes)
	server := &http.Server{Handler: middleware(mux), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return object{"url": "http://" + listener.Addr().String()}
}

func (a *application) changes(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[id]++
	if name := r.URL.Query().Get("login"); name != "" {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: name, Path: "/"})
	}
	polls.Answered(w, map[string]int64{id: a.versions[id]})
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"version":%d,"calls":%d}`, a.versions[id], a.calls[id])
}

// lines is a log that can be asked for what was written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}
