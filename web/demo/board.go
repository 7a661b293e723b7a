package demo

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Bounds of the board: with titles of maxTitle characters it stays well below
// a megabyte, however long it runs.
const (
	maxTitle   = 120
	maxStories = 200
	maxEvents  = 500
)

// last stands for the place below all others.
const last = -1

type column struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var columns = []column{{"backlog", "Backlog"}, {"doing", "In progress"}, {"done", "Done"}}

type story struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	Column string `json:"column"`
}

// board is the state of a project and the events that led to it. Every change
// is decided under the lock, becomes one event, and raises the version by one.
type board struct {
	run string // differs from process to process, as the numbers may not

	mu      sync.Mutex // guards what follows
	version int64
	nextID  int64
	stories map[int64]story
	order   map[string][]int64 // ids by column, top first
	events  []event            // the newest maxEvents at most, oldest first
}

// state is the whole board; stories come by column, top first.
type state struct {
	Project string   `json:"project"`
	Name    string   `json:"name"`
	Run     string   `json:"run"`
	Version int64    `json:"version"`
	Columns []column `json:"columns"`
	Stories []story  `json:"stories"`
}

// delta is what happened since a version: the events, or the whole state where
// they are not known any more.
type delta struct {
	Project string `json:"project"`
	Run     string `json:"run"`
	Since   int64  `json:"since"`
	Version int64  `json:"version"`
	// Now is the time of the answer in epoch milliseconds: with it a page compares its own clock.
	Now    int64   `json:"now_ms"`
	Events []event `json:"events"`
	State  *state  `json:"state,omitempty"`
}

// newBoard starts with the given stories as its past, which has no events.
func newBoard(first []story) *board {
	b := &board{
		run:     rand.Text()[:8],
		version: seedVersion,
		nextID:  1,
		stories: make(map[int64]story),
		order:   make(map[string][]int64),
	}
	for _, s := range first {
		b.apply(event{Kind: added, Story: b.nextID, Title: s.Title, Column: s.Column, Position: len(b.order[s.Column])})
	}
	return b
}

func (b *board) newest() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.version
}

// add appends a story to a column.
func (b *board) add(title, column, writer string) (story, event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.stories) >= maxStories {
		return story{}, event{}, problem{
			http.StatusConflict, "full", "",
			fmt.Sprintf("the board holds %d stories, its limit; restart the demo for a fresh one", maxStories),
		}
	}
	e := b.commitLocked(event{
		Kind: added, Story: b.nextID, Writer: writer,
		Title: title, Column: column, Position: len(b.order[column]),
	})
	return b.stories[e.Story], e, nil
}

// move puts a story at a position of a column. A story that is there already
// is no change: the event has no version.
func (b *board) move(id int64, column string, position int, writer string) (story, event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.stories[id]
	if !ok {
		return story{}, event{}, noStory(id)
	}
	end := len(b.order[column])
	if s.Column == column {
		end--
	}
	if position == last || position > end {
		position = end
	}
	if s.Column == column && b.order[column][position] == id {
		return s, event{}, nil
	}
	e := b.commitLocked(event{Kind: moved, Story: id, Writer: writer, Column: column, Position: position})
	return b.stories[id], e, nil
}

// rename gives a story a title. The title it has is no change: the event has
// no version.
func (b *board) rename(id int64, title, writer string) (story, event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.stories[id]
	if !ok {
		return story{}, event{}, noStory(id)
	}
	if s.Title == title {
		return s, event{}, nil
	}
	e := b.commitLocked(event{Kind: renamed, Story: id, Writer: writer, Title: title})
	return b.stories[id], e, nil
}

func (b *board) story(id int64) (story, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.stories[id]
	if !ok {
		return story{}, noStory(id)
	}
	return s, nil
}

// since answers the poll: what happened after version n of the given run (any,
// if empty). Too old, ahead of the board, or of another run: the whole state.
func (b *board) since(n int64, run string) delta {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := delta{Project: Project, Run: b.run, Since: n, Version: b.version, Now: time.Now().UnixMilli(), Events: []event{}}
	behind := b.version - n
	if behind < 0 || behind > int64(len(b.events)) || (run != "" && run != b.run) {
		s := b.stateLocked()
		d.State = &s
		return d
	}
	d.Events = append(d.Events, b.events[len(b.events)-int(behind):]...)
	return d
}

func (b *board) state() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stateLocked()
}

func (b *board) stateLocked() state {
	s := state{
		Project: Project, Name: boardName, Run: b.run, Version: b.version,
		Columns: columns, Stories: make([]story, 0, len(b.stories)),
	}
	for _, c := range columns {
		for _, id := range b.order[c.ID] {
			s.Stories = append(s.Stories, b.stories[id])
		}
	}
	return s
}

// commitLocked numbers an event, keeps it and makes it so.
func (b *board) commitLocked(e event) event {
	b.version++
	e.Version, e.At = b.version, time.Now().UnixMilli()
	if len(b.events) == maxEvents {
		b.events = slices.Delete(b.events, 0, 1)
	}
	b.events = append(b.events, e)
	b.apply(e)
	return e
}

func noStory(id int64) error {
	return problem{http.StatusNotFound, "not-found", "id", fmt.Sprintf("id: there is no story %d", id)}
}
