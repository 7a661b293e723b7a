//go:build unix

package publishtest_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"nudge/clients/go/publish"
	"nudge/clients/go/publishtest"
	"nudge/version"
	"nudge/version/redistest"
)

type publisher interface {
	Announce(ctx context.Context, project string, v int64) bool
	AnnounceNews(ctx context.Context, news ...version.News) int
	Advance(ctx context.Context, project string, v int64) error
	Publish(ctx context.Context, news ...version.News) (version.Receipt, error)
}

type real struct {
	*publish.Publisher
	*publish.Announcer
}

// It answers as the real one does.
func TestRecorder(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Socket, ContextTimeoutEnabled: true})
	defer client.Close()
	p := publish.To(client, publish.Options{})
	recorder := &publishtest.Recorder{}
	id, err := version.ParseProject("42")
	if err != nil {
		t.Fatal(err)
	}
	run := func(p publisher) (said []any) {
		for _, v := range []int64{5, 5, 4, -1, 6} {
			said = append(said, p.Announce(t.Context(), "42", v))
		}
		said = append(said, p.Announce(t.Context(), "a b", 1), p.Advance(t.Context(), "a b", 1).Error())
		receipt, err := p.Publish(t.Context(), version.News{Project: id, Version: 3, Reset: true}, version.News{Project: id, Version: 4, Data: []byte("{")})
		said = append(said, receipt, err.Error())
		return append(said, p.AnnounceNews(t.Context(), version.News{Project: id, Version: 3, Reset: true}, version.News{Project: id, Version: 4, Data: []byte("{")}))
	}
	if diff := cmp.Diff(run(real{p, p.Announcer(slog.New(slog.DiscardHandler))}), run(recorder)); diff != "" {
		t.Errorf("(-real +recorder):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"42@5", "42@6", "42@3", "42@4"}, recorder.Published()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	recorder.Fail(errors.New("refused"))
	if err := recorder.Advance(t.Context(), "42", 9); !errors.Is(err, version.ErrUnavailable) || recorder.Announce(t.Context(), "42", 9) {
		t.Errorf("%v", err)
	}
}
