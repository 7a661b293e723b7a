//go:build unix

package publish_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/version/redistest"
)

// document is docs/publishing.md.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/publishing.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rule is what the document lets a publisher do, as ACL SETUSER publisher takes it.
func rule(t *testing.T) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^ACL SETUSER publisher (.*)$`).FindStringSubmatch(document(t))
	if found == nil {
		t.Fatal("the document has no line of the form ACL SETUSER publisher …")
	}
	return strings.Fields(found[1])
}

// grant makes the publisher one who may do what rule says.
func grant(server *redistest.Server, rule []string) {
	args := []any{"ACL", "SETUSER", "publisher", "reset"}
	for _, word := range rule {
		args = append(args, word)
	}
	server.Do(args...)
}

// asPublisher connects as the user that the document makes.
func asPublisher(o *redis.Options) { o.Username, o.Password = "publisher", "SECRET" }

// refused tells that a user had no right; Redis 7.0 says it in other words where a script called.
func refused(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "The user executing the script can't")
}

// The rights in the document are enough, and each of them is needed.
func TestRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// try publishes by EVAL, and then by EVALSHA to a key that exists.
	try := func(t *testing.T, rule []string) error {
		grant(server, rule)
		server.Do("SCRIPT", "FLUSH")
		server.Do("DEL", "nudge:{42}")
		p := publish.To(client(t, server, asPublisher), publish.Options{})
		for _, v := range []int64{124, 125} {
			if err := p.Advance(t.Context(), "42", v); err != nil {
				return err
			}
		}
		return nil
	}
	whole := rule(t)
	if err := try(t, whole); err != nil {
		t.Fatalf("with all rights: %v", err)
	}
	rights := 0
	for i, word := range whole {
		if !strings.ContainsAny(word[:1], "+~&%") {
			continue
		}
		rights++
		if err := try(t, slices.Delete(slices.Clone(whole), i, i+1)); !refused(err) {
			t.Errorf("without %s: %v, want no permission", word, err)
		}
	}
	if rights != 9 {
		t.Errorf("%d rights were tried, want 9", rights)
	}
}

// The rights do not reach Nudge's own names, nor anything else.
func TestRightsAreNarrow(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	grant(server, rule(t))
	c := client(t, server, asPublisher)
	for _, command := range [][]any{
		{"SET", "nudge:control", "x"},
		{"PUBLISH", "nudge:control", "x"},
		{"PUBLISH", "nudge:probe:gw-1", "x"},
		{"GET", "session:1"},
		{"DEL", "nudge:{42}"},
		{"SUBSCRIBE", "nudge:{42}"},
		{"SCRIPT", "FLUSH"},
		{"INFO"},
		{"EVAL", "return redis.call('SET', KEYS[1], 'x')", 1, "nudge:control"},
		{"EVAL", "return redis.call('DEL', KEYS[1])", 1, "nudge:{42}"},
	} {
		if err := c.Do(t.Context(), command...).Err(); !refused(err) {
			t.Errorf("%v: %v, want no permission", command, err)
		}
	}
}

// A client of a Cluster needs one right more, which the document names.
func TestRightsInCluster(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile("(?m)^\\| a Cluster client \\| `(.*?)` \\|").FindStringSubmatch(document(t))
	if found == nil {
		t.Fatal("the document does not say what a Cluster client needs")
	}
	more := strings.ReplaceAll(found[1], `\|`, "|")
	servers := cluster(t)
	for _, extra := range [][]string{nil, {more}} {
		for _, s := range servers {
			grant(s, append(rule(t), extra...))
		}
		c := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{servers[0].Addr}, Username: "publisher", Password: "SECRET",
		})
		_, err := publish.To(c, publish.Options{}).Publish(t.Context(), many(t, 50)...)
		c.Close()
		if (err == nil) != (extra != nil) {
			t.Errorf("with %v more: %v", extra, err)
		}
	}
}
