package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nudge/version"
)

func TestSlotOf(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]uint16{ // the first from the specification, the others from CLUSTER KEYSLOT
		"123456789": 12739, "foo": 12182, "bar": 5061, "": 0, "42": 8000, "a.b_c~d:e-f": 11397,
	} {
		if got := slotOf(tag); got != want {
			t.Errorf("slotOf(%q) = %d, want %d", tag, got, want)
		}
	}
}

func served(first, last int, nodes ...string) redis.ClusterSlot {
	s := redis.ClusterSlot{Start: first, End: last}
	for _, addr := range nodes {
		s.Nodes = append(s.Nodes, redis.ClusterNode{Addr: addr})
	}
	return s
}

func TestReadSlots(t *testing.T) {
	t.Parallel()
	r, err := readSlots([]redis.ClusterSlot{
		served(0, 5000, "10.0.0.1:6379", "10.0.0.4:6379"),
		served(5001, 5001, "10.0.0.2:6379"),
		served(5002, 10000, "10.0.0.1:6379"),
		served(10001, 12000, ":6380"),   // no address of its own: where it was asked
		served(12001, 13000, "?:6379"),  // unknown
		served(16000, 16384, "a:1"),     // no such slot
		served(16000, 16100, "::1:bad"), // no address
		served(16200, 16300),            // nobody
	}, "10.0.0.3")
	if err != nil {
		t.Fatal(err)
	}
	var addrs []string
	for i, m := range r.masters {
		addrs = append(addrs, m.addr)
		if p, ok := r.tagged(m.tag); !ok || p != i {
			t.Errorf("the tag %q of %s leads to %d", m.tag, m.addr, p)
		}
	}
	if d := cmp.Diff([]string{"10.0.0.1:6379", "10.0.0.2:6379", "10.0.0.3:6380"}, addrs); d != "" {
		t.Error(d)
	}
	if _, ok := r.tagged("123456789"); ok { // 12739
		t.Error("a slot that nobody serves has a master")
	}
	if m, ok := r.tagged("42"); !ok || m != 0 { // 8000
		t.Errorf("slot 8000 is served by %d", m)
	}
	if _, err := readSlots(nil, ""); err == nil {
		t.Error("a Cluster without masters is no error")
	}
	if _, err := readSlots([]redis.ClusterSlot{served(7, 7, "a:1"), served(7, 7, "b:1")}, ""); err == nil {
		t.Error("a slot with two masters is no error")
	}
}

// Enough answers are waited for, the others only a moment: one that is frozen must not hold up the rest.
func TestAskAll(t *testing.T) {
	t.Parallel()
	frozen := func(ctx context.Context, _ string) (claim, error) {
		<-ctx.Done()
		return claim{}, ctx.Err()
	}
	of := func(addr string) claim { return claim{topology: topology{masters: []master{{addr: addr}}}} }
	prompt := func(_ context.Context, addr string) (claim, error) { return of(addr), nil }
	late := func(ctx context.Context, addr string) (claim, error) {
		select {
		case <-ctx.Done():
			return claim{}, ctx.Err()
		case <-time.After(lateTime / 2):
			return of(addr), nil
		}
	}
	refuse := func(context.Context, string) (claim, error) { return claim{}, redis.ErrPoolExhausted }
	for name, c := range map[string]struct {
		servers []func(context.Context, string) (claim, error)
		enough  int
		want    string
		after   time.Duration
	}{
		"all":                   {[]func(context.Context, string) (claim, error){prompt, prompt, prompt}, 2, "0 1 2", 0},
		"one late":              {[]func(context.Context, string) (claim, error){prompt, prompt, late}, 2, "0 1 2", lateTime / 2},
		"one frozen":            {[]func(context.Context, string) (claim, error){prompt, prompt, frozen}, 2, "0 1", lateTime},
		"most frozen":           {[]func(context.Context, string) (claim, error){prompt, frozen, frozen}, 2, "no answer in time", findTime},
		"one refuses, and most": {[]func(context.Context, string) (claim, error){refuse, prompt, refuse}, 2, redis.ErrPoolExhausted.Error(), 0},
		"the first is enough":   {[]func(context.Context, string) (claim, error){frozen, prompt}, 1, "1", lateTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), findTime)
				defer cancel()
				var addrs []string
				for i := range c.servers {
					addrs = append(addrs, fmt.Sprint(i))
				}
				begun := time.Now()
				claims, err := askAll(ctx, addrs, c.enough, func(ctx context.Context, addr string) (claim, error) {
					return c.servers[slices.Index(addrs, addr)](ctx, addr)
				})
				var said []string
				for _, c := range claims {
					said = append(said, c.masters[0].addr)
				}
				slices.Sort(said)
				got := strings.Join(said, " ")
				if err != nil {
					got = err.Error()
				}
				if got != c.want && !(c.want == "no answer in time" && errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("%q, want %q", got, c.want)
				}
				if after := time.Since(begun); after != c.after {
					t.Errorf("after %v, want %v", after, c.after)
				}
			})
		})
	}
}

// What a server itself says tells more than that another could not be reached.
func TestAskAllPrefersTheServersWord(t *testing.T) {
	t.Parallel()
	refused := proto("NOAUTH Authentication required.")
	_, err := askAll(t.Context(), []string{"0", "1", "2"}, 1, func(_ context.Context, addr string) (claim, error) {
		if addr == "1" {
			return claim{}, refused
		}
		return claim{}, errors.New("connection refused")
	})
	if err != refused {
		t.Errorf("%v, want %v", err, refused)
	}
}

// proto is an error as a server sends it.
type proto string

func (e proto) Error() string { return string(e) }
func (proto) RedisError()     {}

// A data set that comes back after another is another: what was read in between belongs to neither.
func TestDataSets(t *testing.T) {
	t.Parallel()
	var d dataSets
	meet := func(addr, id string) uint32 {
		n, err := d.meet(addr, "role:master\r\nmaster_replid:"+id+"\r\n")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	d.beginSession()
	a, b := meet("1", "a"), meet("2", "b")
	if a == 0 || b == 0 || a == b || meet("1", "a") != a || meet("1", "") != 0 {
		t.Fatalf("a %d, b %d, again %d, none %d", a, b, meet("1", "a"), meet("1", ""))
	}
	if _, err := d.meet("1", "master_replid:c"); !errors.Is(err, errMoved) {
		t.Errorf("another data set at a known address: %v", err)
	}
	if _, err := d.meet("1", "role:slave\nmaster_replid:a"); !errors.Is(err, errReplica) {
		t.Errorf("a replica: %v", err)
	}
	d.beginSession()
	d.beginSession() // after one that met nobody
	if meet("2", "a") != a {
		t.Error("the same data set after a gap is another")
	}
	d.beginSession()
	if got := meet("1", "c"); got == a || got == b {
		t.Error("another data set is the same")
	}
	d.beginSession()
	if meet("2", "b") == b {
		t.Error("a data set that was away for a session is the same")
	}
}

// diagnosing are options with access to a plain Redis.
func diagnosing() *Options {
	o := &Options{access: new(atomic.Pointer[Access])}
	o.access.Store(new(Access))
	return o
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]version.Fault{
		"WRONGPASS invalid username-password pair or user is disabled.":                                         version.FaultAuth,
		"NOAUTH Authentication required.":                                                                       version.FaultAuth,
		"NOPERM User nudge has no permissions to run the 'eval' command":                                        version.FaultNoPerm,
		"ERR The user executing the script can't run this command or subcommand script: x, on @user_script:21.": version.FaultNoPerm,
		"READONLY You can't write against a read only replica. script: x":                                       version.FaultReadOnly,
		"ERR Error running script (call to f_x): @user_script:24: -READONLY You can't write":                    version.FaultReadOnly,
		"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk":       version.FaultMisconf,
		"OOM command not allowed when used memory > 'maxmemory'. script: x":                                     version.FaultMemory,
		"NOREPLICAS Not enough good replicas to write.":                                                         version.FaultReplicas,
		"CLUSTERDOWN The cluster is down":                                                                       version.FaultCluster,
		"LOADING Redis is loading the dataset in memory":                                                        version.FaultLoading,
		"ERR unknown command 'eval'":                                                                            version.FaultConnection,
	} {
		got, fix := diagnosing().diagnose(fmt.Errorf("publish to Redis at a:1: %w", proto(text)))
		if got != want || fix == "" {
			t.Errorf("%.40q: %q with the fix %q, want %q", text, got, fix, want)
		}
	}
	if got, _ := diagnosing().diagnose(errors.New("dial tcp: lookup OOM.example: no such host")); got != version.FaultConnection {
		t.Errorf("a name in a network error is taken for the server's word: %q", got)
	}
}

func project(id string) version.Project {
	p, err := version.ParseProject(id)
	if err != nil {
		panic(err)
	}
	return p
}
