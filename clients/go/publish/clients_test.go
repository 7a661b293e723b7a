//go:build unix

package publish_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/version"
	"nudge/version/redistest"
)

// many is news of n projects, enough that each of two servers gets some.
func many(t testing.TB, n int) []version.News {
	news := make([]version.News, n)
	for i := range news {
		news[i] = version.News{Project: project(t, fmt.Sprint("p", i)), Version: version.Version(i)}
	}
	return news
}

// spread publishes to two servers through one client, and sees that both got their share; then again after one of them
// has forgotten the script.
func spread(t *testing.T, client publish.Client, servers []*redistest.Server) {
	t.Helper()
	const n = 50
	p := publish.To(client, publish.Options{})
	taken, stale := want(t, n, 0), want(t, 0, n)
	taken(p.Publish(t.Context(), many(t, n)...))
	servers[1].Do("SCRIPT", "FLUSH")
	stale(p.Publish(t.Context(), many(t, n)...))
	var keys int64
	for _, s := range servers {
		size := s.Do("DBSIZE").(int64)
		if size == 0 {
			t.Errorf("the server at %s got nothing", s.Addr)
		}
		keys += size
	}
	if keys != n {
		t.Errorf("%d keys, want %d", keys, n)
	}
}

func TestClusterClient(t *testing.T) {
	t.Parallel()
	servers := cluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{servers[0].Addr}})
	defer client.Close()
	spread(t, client, servers)
}

func TestRingClient(t *testing.T) {
	t.Parallel()
	servers := []*redistest.Server{redistest.Start(t), redistest.Start(t)}
	client := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": servers[0].Addr, "b": servers[1].Addr}})
	defer client.Close()
	spread(t, client, servers)
}

// cluster starts a Cluster of two masters.
func cluster(t *testing.T) []*redistest.Server {
	t.Helper()
	servers := make([]*redistest.Server, 2)
	buses := make([]string, len(servers))
	for i := range servers {
		buses[i] = redistest.FreePort(t)
		servers[i] = redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", buses[i])
	}
	servers[0].Do("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
	servers[1].Do("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
	host, port, _ := net.SplitHostPort(servers[1].Addr)
	servers[0].Do("CLUSTER", "SET-CONFIG-EPOCH", 1)
	servers[1].Do("CLUSTER", "SET-CONFIG-EPOCH", 2)
	servers[0].Do("CLUSTER", "MEET", host, port, buses[1])
	limit := time.After(patience)
	for _, s := range servers {
		for !ready(s) {
			select {
			case <-limit:
				t.Fatalf("the Cluster does not come up:\n%v", s.Do("CLUSTER", "INFO"))
			case <-time.After(20 * time.Millisecond): // a Cluster tells nobody that it is up
			}
		}
	}
	return servers
}

func ready(s *redistest.Server) bool {
	return strings.Contains(s.Do("CLUSTER", "INFO").(string), "cluster_state:ok") &&
		len(s.Do("CLUSTER", "SLOTS").([]any)) == 2
}
