//go:build unix

package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"nudge/clients/go/publish"
	"nudge/internal/secrettest"
	"nudge/version"
	script "nudge/version/publish"
	"nudge/version/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests. Nothing is as slow; a wait ends with its event.
const patience = 20 * time.Second

func project(t testing.TB, id string) version.Project {
	t.Helper()
	p, err := version.ParseProject(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// client is an application's own, with the library's defaults but for what the tests need.
func client(t testing.TB, server *redistest.Server, mend func(*redis.Options)) *redis.Client {
	opt := &redis.Options{Addr: server.Socket, MaxRetries: -1, DialerRetries: 1}
	if mend != nil {
		mend(opt)
	}
	c := redis.NewClient(opt)
	t.Cleanup(func() { c.Close() })
	return c
}

// heard subscribes to name, and returns a function that takes the next n messages.
func heard(t testing.TB, server *redistest.Server, name string) func(n int) []string {
	t.Helper()
	sub := client(t, server, nil).Subscribe(t.Context(), name)
	t.Cleanup(func() { sub.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	if _, err := sub.Receive(ctx); err != nil { // the confirmation
		t.Fatal(err)
	}
	return func(n int) (got []string) {
		t.Helper()
		for range n {
			m, err := sub.ReceiveMessage(ctx)
			if err != nil {
				t.Fatalf("after %q: %v", got, err)
			}
			got = append(got, m.Payload)
		}
		return got
	}
}

func want(t testing.TB, accepted, stale int) func(version.Receipt, error) {
	return func(got version.Receipt, err error) {
		t.Helper()
		if err != nil || got != (version.Receipt{Accepted: accepted, Stale: stale}) {
			t.Errorf("%+v, %v; want %d accepted, %d stale", got, err, accepted, stale)
		}
	}
}

// The script is not on the server at first, nor after a restart.
func TestAdvance(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := publish.To(client(t, server, nil), publish.Options{})
	next := heard(t, server, "nudge:{42}")
	for _, v := range []int64{124, 123, 125} { // the second is stale, and no error
		if err := p.Advance(t.Context(), "42", v); err != nil {
			t.Fatalf("%d: %v", v, err)
		}
	}
	if diff := cmp.Diff([]string{"124", "125"}, next(2)); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
	server.Kill()
	if err := p.Advance(t.Context(), "42", 126); !errors.Is(err, version.ErrUnavailable) {
		t.Errorf("without a server: %v, want ErrUnavailable", err)
	}
	server.Start()
	if err := p.Advance(t.Context(), "42", 126); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if got := server.Do("GET", "nudge:{42}"); got != "126" {
		t.Errorf("the key holds %v, want 126", got)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := publish.To(client(t, server, nil), publish.Options{Prefix: "app"})
	server.Do("SADD", "app:{42}", "of another type")
	next := heard(t, server, "app:{42}")
	id, prev := project(t, "42"), version.Version(123)
	check := want(t, 5, 2)
	check(p.Publish(t.Context(),
		version.News{Project: id, Version: 122},
		version.News{Project: project(t, "7"), Version: 1},
		version.News{Project: id, Version: 124, Prev: &prev, Writer: "tab-7f3a", Data: []byte("{ \"a\":\n[1] }")},
		version.News{Project: id, Version: 124},
		version.News{Project: id, Version: 51, Reset: true},
		version.News{Project: id, Version: 49},
		version.News{Project: id, Version: 52, Prev: &prev, Data: []byte{}}, // no data at all
	))
	if diff := cmp.Diff([]string{
		"122", `{"version":124,"prev":123,"writer":"tab-7f3a","data":{"a":[1]}}`, `{"version":51,"reset":true}`,
		`{"version":52,"prev":123}`,
	}, next(4)); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
	if got := server.Do("GET", "app:{42}"); got != "52" {
		t.Errorf("the key holds %v, want 52", got)
	}
	check = want(t, 0, 0)
	check(p.Publish(t.Context()))
}

func TestRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := publish.To(client(t, server, nil), publish.Options{})
	id, prev, negative := project(t, "42"), version.Version(1), version.Version(-1)
	long := []byte(`"` + strings.Repeat("x", version.MaxData-1) + `"`)
	for field, n := range map[string]version.News{
		"project: the project is empty": {Version: 1},
		"version: -1 is not from 0":     {Project: id, Version: -1},
		"version: 9007199254740992 is":  {Project: id, Version: version.Max + 1},
		"prev: -1 is not from 0":        {Project: id, Version: 1, Prev: &negative},
		"writer: 129 bytes long":        {Project: id, Version: 1, Writer: strings.Repeat("w", 129)},
		"data: needs prev":              {Project: id, Version: 1, Data: []byte("{}")},
		"data: not JSON":                {Project: id, Version: 1, Prev: &prev, Data: []byte("{")},
		"data: not JSON in UTF-8":       {Project: id, Version: 1, Prev: &prev, Data: []byte("\"\xff\"")},
		"data: longer than 8192 bytes":  {Project: id, Version: 1, Prev: &prev, Data: long},
	} {
		_, err := p.Publish(t.Context(), version.News{Project: id, Version: 1}, n)
		if errors.Is(err, version.ErrUnavailable) || !strings.HasPrefix(fmt.Sprint(err), "publish: news 1: "+field) {
			t.Errorf("%v, want one of %q that is not of Redis", err, field)
		}
	}
	if err := p.Advance(t.Context(), "a b", 1); err == nil || !strings.HasPrefix(err.Error(), "publish: project: ") {
		t.Errorf("Advance: %v, want one of project", err)
	}
	if got := server.Do("DBSIZE"); got != int64(0) {
		t.Errorf("%v keys were written beside refused news", got)
	}
}

// Whatever the order in which publishers come, the key ends at the greatest, and what is announced only rises.
func TestPublishersRace(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 100
	server := redistest.Start(t)
	p := publish.To(client(t, server, nil), publish.Options{})
	next := heard(t, server, "nudge:{42}")
	id := project(t, "42")
	var mu sync.Mutex
	var total version.Receipt
	var wg sync.WaitGroup
	for i := range publishers {
		wg.Go(func() {
			for v := range each {
				got, err := p.Publish(t.Context(), version.News{Project: id, Version: version.Version(v*publishers + i)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				total.Accepted += got.Accepted
				total.Stale += got.Stale
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got := total.Accepted + total.Stale; got != publishers*each {
		t.Errorf("%d answers to %d advances", got, publishers*each)
	}
	if got, want := server.Do("GET", "nudge:{42}"), fmt.Sprint(publishers*each-1); got != want {
		t.Errorf("the key holds %v, want %s", got, want)
	}
	last := version.Version(-1)
	for _, text := range next(total.Accepted) {
		n, err := version.Decode(id, []byte(text))
		if err != nil || n.Version <= last || n.Sent.IsZero() != (n.Version%10 != 0) {
			t.Fatalf("%s was announced after %d", text, last)
		}
		last = n.Version
	}
	if last != publishers*each-1 {
		t.Errorf("the last that was announced is %d", last)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := publish.To(client(t, server, func(o *redis.Options) { o.ContextTimeoutEnabled = true }), publish.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Advance(ctx, "42", 1); !errors.Is(err, version.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, want ErrUnavailable and Canceled", err)
	}
	if err := p.Advance(t.Context(), "42", 1); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	defer server.Thaw()
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Advance(ctx, "42", 2); !errors.Is(err, version.ErrUnavailable) {
		t.Errorf("of a frozen server: %v, want ErrUnavailable", err)
	}
}

// meanwhile is a hook that lets something happen between the first EVALSHA of a pipeline and the others.
type meanwhile func()

func (m meanwhile) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (m meanwhile) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (m meanwhile) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "evalsha" {
			return next(ctx, cmds)
		}
		err := next(ctx, cmds[:1])
		m()
		return errors.Join(err, next(ctx, cmds[1:]))
	}
}

// Another publisher brings the script while a reset is on its way, and what follows the reset must stay behind it.
func TestScriptComesInBetween(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("SET", "nudge:{42}", 100)
	c := client(t, server, nil)
	c.AddHook(meanwhile(func() { server.Do("SCRIPT", "LOAD", script.Script()) }))
	id := project(t, "42")
	check := want(t, 2, 0)
	check(publish.To(c, publish.Options{}).Publish(t.Context(),
		version.News{Project: id, Version: 50, Reset: true}, version.News{Project: id, Version: 51}))
	if got := server.Do("GET", "nudge:{42}"); got != "51" {
		t.Errorf("the key holds %v, want 51", got)
	}
}

// What Redis took beside an error is counted.
func TestPartlyTaken(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "half", "on", ">"+secrettest.Marker, "+@all", "~nudge:{a}", "&*")
	half := client(t, server, func(o *redis.Options) { o.Username, o.Password = "half", secrettest.Marker })
	p := publish.To(half, publish.Options{})
	a, b := version.News{Project: project(t, "a"), Version: 1}, version.News{Project: project(t, "b"), Version: 1}
	for range 2 { // by EVAL, by EVALSHA
		got, err := p.Publish(t.Context(), a, b)
		if got.Accepted+got.Stale != 1 || !errors.Is(err, version.ErrUnavailable) || !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%+v, %v; want one taken, and NOPERM", got, err)
		}
	}
}
