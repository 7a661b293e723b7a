package demo

import "slices"

// kind says what happened to a story.
type kind string

const (
	added   kind = "added"
	moved   kind = "moved"
	renamed kind = "renamed"
)

// event is one change of the board. Title belongs to added and renamed, Column
// and Position (its place in the column afterwards, from 0) to added and moved.
type event struct {
	Version  int64  `json:"version"`
	Kind     kind   `json:"kind"`
	Story    int64  `json:"story"`
	Title    string `json:"title,omitempty"`
	Column   string `json:"column,omitempty"`
	Position int    `json:"position"`
	Writer   string `json:"writer,omitempty"`
	// At is when the change was committed, in epoch milliseconds.
	At int64 `json:"at_ms"`
}

// apply makes an event so. It decides nothing: the event was valid when it
// was committed, and the page applies the same events with the same outcome.
func (b *board) apply(e event) {
	s := b.stories[e.Story]
	switch e.Kind {
	case added:
		s = story{ID: e.Story, Title: e.Title, Column: e.Column}
		b.order[e.Column] = slices.Insert(b.order[e.Column], e.Position, e.Story)
		b.nextID = e.Story + 1
	case moved:
		from := b.order[s.Column]
		i := slices.Index(from, e.Story)
		b.order[s.Column] = slices.Delete(from, i, i+1)
		b.order[e.Column] = slices.Insert(b.order[e.Column], e.Position, e.Story)
		s.Column = e.Column
	case renamed:
		s.Title = e.Title
	}
	b.stories[e.Story] = s
}
