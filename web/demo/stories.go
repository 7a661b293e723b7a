package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// outcome answers a change: the story as it is now and, if something changed,
// the event. Announced is whether the hint was taken.
type outcome struct {
	Version   int64  `json:"version"`
	Story     story  `json:"story"`
	Event     *event `json:"event,omitempty"`
	Announced bool   `json:"announced"`
}

func (a *App) snapshot(w http.ResponseWriter, _ *http.Request) error {
	a.colleague.open()
	return writeJSON(w, http.StatusOK, a.board.state())
}

// changes is the poll endpoint that Nudge saves requests to.
func (a *App) changes(w http.ResponseWriter, r *http.Request) error {
	since, err := sinceOf(r)
	if err != nil {
		return err
	}
	a.colleague.polled()
	return writeJSON(w, http.StatusOK, a.board.since(since, r.URL.Query().Get("run")))
}

func (a *App) story(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	s, err := a.board.story(id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s)
}

func (a *App) addStory(w http.ResponseWriter, r *http.Request) error {
	f, err := readFields(w, r, "title", "column", "writer")
	if err != nil {
		return err
	}
	title, err := f.title()
	if err != nil {
		return err
	}
	column, err := f.column(columns[0].ID)
	if err != nil {
		return err
	}
	writer, err := f.writer()
	if err != nil {
		return err
	}
	s, e, err := a.board.add(title, column, writer)
	if err != nil {
		return err
	}
	w.Header().Set("Location", fmt.Sprintf("/app/projects/%s/stories/%d", Project, s.ID))
	return writeJSON(w, http.StatusCreated, a.finish(r.Context(), s, e))
}

func (a *App) moveStory(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := readFields(w, r, "column", "position", "writer")
	if err != nil {
		return err
	}
	column, err := f.column("")
	if err != nil {
		return err
	}
	position, err := f.position()
	if err != nil {
		return err
	}
	writer, err := f.writer()
	if err != nil {
		return err
	}
	s, e, err := a.board.move(id, column, position, writer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, a.finish(r.Context(), s, e))
}

func (a *App) renameStory(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r)
	if err != nil {
		return err
	}
	f, err := readFields(w, r, "title", "writer")
	if err != nil {
		return err
	}
	title, err := f.title()
	if err != nil {
		return err
	}
	writer, err := f.writer()
	if err != nil {
		return err
	}
	s, e, err := a.board.rename(id, title, writer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, a.finish(r.Context(), s, e))
}

// finish announces what was committed, before the caller hears of it.
func (a *App) finish(ctx context.Context, s story, e event) outcome {
	if e.Version == 0 {
		return outcome{Version: a.board.newest(), Story: s}
	}
	return outcome{Version: e.Version, Story: s, Event: &e, Announced: a.announce(ctx, e)}
}

func idOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, wrong("id", "must be the number of a story, such as 1")
	}
	return id, nil
}

// maxVersion is the largest whole number that a browser can count with.
const maxVersion = 1<<53 - 1

func sinceOf(r *http.Request) (int64, error) {
	since, err := strconv.ParseUint(r.URL.Query().Get("since"), 10, 64)
	if err != nil || since > maxVersion {
		return 0, wrong("since", "must be the version that the caller has, such as ?since=123")
	}
	return int64(since), nil
}
