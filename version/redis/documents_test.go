//go:build unix

package redis_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"nudge/internal/apitest"
	"nudge/version/redistest"
)

// compareMessages compares all messages that a server delivers from now on with docs/asyncapi.yaml, except those with a
// channel or a text that is garbage on purpose.
func compareMessages(t testing.TB, server *redistest.Server, garbage ...string) {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: server.Socket, Protocol: 2, DisableIdentity: true})
	ear := client.PSubscribe(context.Background(), "nudge:*", "the end")
	for range 2 {
		if _, err := ear.Receive(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			m, err := ear.ReceiveMessage(context.Background())
			if err != nil || m.Channel == "the end" {
				return
			}
			if slices.Contains(garbage, m.Channel) || slices.Contains(garbage, m.Payload) {
				continue
			}
			if err := apitest.Message(m.Channel, []byte(m.Payload)); err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() {
		server.Do("PUBLISH", "the end", "")
		done.Wait()
		ear.Close()
		client.Close()
	})
}

// promised ends a process whose tests have not seen all messages that docs/asyncapi.yaml promises.
func promised(code int) {
	if code == 0 && apitest.Whole() {
		for _, pointer := range apitest.UnseenMessages("project", "probe", "control", "tick") {
			fmt.Fprintln(os.Stderr, "no test sees what the document promises:", pointer)
			code = 1
		}
	}
	os.Exit(code)
}
