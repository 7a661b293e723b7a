package demo

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBoardStartsWithStories(t *testing.T) {
	app := New(Options{})
	s := readState(t, app)
	if s.Project != "42" || s.Version != seedVersion || app.Version() != seedVersion || len(s.Stories) != len(seed) {
		t.Fatalf("project %s at %d with %d stories", s.Project, s.Version, len(s.Stories))
	}
	for _, c := range s.Columns {
		if len(titlesIn(s, c.ID)) == 0 {
			t.Errorf("column %s is empty", c.Name)
		}
	}
}

func TestEachChangeIsOneEvent(t *testing.T) {
	app := New(Options{})
	first := readState(t, app).Stories[0]

	w := ask(app, "POST", storiesPath, "title=Write the release note")
	made := read[outcome](t, w, http.StatusCreated)
	if made.Version != 124 || made.Story != (story{8, "Write the release note", "backlog"}) {
		t.Fatalf("added: %+v", made)
	}
	location := w.Header().Get("Location")
	if got := read[story](t, ask(app, "GET", location, ""), http.StatusOK); got != made.Story {
		t.Errorf("%s is %+v", location, got)
	}

	asJSON := []string{"Content-Type", "application/json; charset=utf-8"}
	got := read[outcome](t, ask(app, "POST", storiesPath+"/1/move", `{"column":"done","position":1,"writer":"tab-1"}`, asJSON...), http.StatusOK)
	if got.Version != 125 || got.Event.Writer != "tab-1" || got.Event.Position != 1 {
		t.Errorf("moved: %+v, event %+v", got, got.Event)
	}
	// curl -d says that it sends a form, whatever it sends.
	got = read[outcome](t, ask(app, "POST", storiesPath+"/1/rename", `{"title":"  Été <b>&amp;  "}`), http.StatusOK)
	if got.Version != 126 || got.Story.Title != "Été <b>&amp;" {
		t.Errorf("renamed: %+v", got)
	}

	d := readChanges(t, app, 123)
	if d.Version != 126 || d.Since != 123 || d.State != nil || len(d.Events) != 3 {
		t.Fatalf("changes: %+v", d)
	}
	for i, want := range []kind{added, moved, renamed} {
		if e := d.Events[i]; e.Kind != want || e.Version != 124+int64(i) {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	if d := readChanges(t, app, 125); len(d.Events) != 1 {
		t.Errorf("since 125: %+v", d)
	}
	if d := readChanges(t, app, 126); d.Version != 126 || d.Events == nil || len(d.Events) != 0 || d.State != nil {
		t.Errorf("since 126: %+v", d)
	}
	done := titlesIn(readState(t, app), "done")
	if len(done) != 3 || done[1] != "Été <b>&amp;" {
		t.Errorf("done: %q, want %q renamed in second place", done, first.Title)
	}
}

func TestMovePlaces(t *testing.T) {
	titles := func(app *App) string {
		var s []string
		for _, title := range titlesIn(readState(t, app), "done") {
			s = append(s, strings.Fields(title)[0])
		}
		return strings.Join(s, " ")
	}
	for _, test := range []struct{ id, body, want string }{
		{"6", "column=done", "Print Dark"},
		{"6", "column=done&position=1", "Print Dark"},
		{"6", "column=done&position=99", "Print Dark"},
		{"7", "column=done&position=0", "Print Dark"},
		{"7", "column=done&position=1", "Dark Print"},
		{"1", "column=done&position=0", "Import Dark Print"},
		{"1", "column=done&position=1", "Dark Import Print"},
		{"1", "column=done&position=2", "Dark Print Import"},
		{"1", "column=done", "Dark Print Import"},
		{"6", "column=doing", "Print"},
	} {
		app := New(Options{})
		read[outcome](t, ask(app, "POST", storiesPath+"/"+test.id+"/move", test.body), http.StatusOK)
		if got := titles(app); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.id, test.body, got, test.want)
		}
	}
}

func TestNoChangeIsNoEvent(t *testing.T) {
	app := New(Options{Publish: failIfCalled(t)})
	s := readState(t, app).Stories[0]
	for path, body := range map[string]string{"/1/move": "column=backlog&position=0", "/1/rename": "title=" + s.Title} {
		got := read[outcome](t, ask(app, "POST", storiesPath+path, body), http.StatusOK)
		if got.Version != 123 || got.Event != nil || got.Announced {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestTooOldAheadOrOfAnotherRunGetsEverything(t *testing.T) {
	app := New(Options{})
	read[outcome](t, ask(app, "POST", storiesPath, "title=one more"), http.StatusCreated)
	run := readState(t, app).Run
	for query, whole := range map[string]bool{
		"since=0": true, "since=122": true, "since=123": false, "since=124": false, "since=125": true,
		"since=9007199254740991": true, "since=123&run=" + run: false, "since=123&run=other": true,
	} {
		d := read[delta](t, ask(app, "GET", boardPath+"/changes?"+query, ""), http.StatusOK)
		if (d.State != nil) != whole {
			t.Errorf("%s: %+v", query, d)
		}
		if whole && (d.State.Version != 124 || len(d.State.Stories) != len(seed)+1 || len(d.Events) != 0) {
			t.Errorf("%s: %+v", query, d.State)
		}
	}
	if other := readState(t, New(Options{})).Run; other == run {
		t.Errorf("two runs are both called %s", run)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	app := New(Options{})
	for i := range 2*maxEvents + 1 {
		column := columns[i%2].ID
		read[outcome](t, ask(app, "POST", storiesPath+"/7/move", "column="+column), http.StatusOK)
	}
	if n := len(app.board.events); n != maxEvents {
		t.Errorf("%d events kept", n)
	}
	oldest := app.Version() - maxEvents
	if d := readChanges(t, app, oldest); len(d.Events) != maxEvents || d.Events[0].Version != oldest+1 {
		t.Errorf("since %d: %d events", oldest, len(d.Events))
	}
	if d := readChanges(t, app, oldest-1); d.State == nil {
		t.Errorf("since %d: no state", oldest-1)
	}

	for range maxStories - len(seed) {
		read[outcome](t, ask(app, "POST", storiesPath, "title=more"), http.StatusCreated)
	}
	before := app.Version()
	p := read[refusal](t, ask(app, "POST", storiesPath, "title=more"), http.StatusConflict)
	if p.Code != "full" || !strings.Contains(p.Detail, "200 stories") || app.Version() != before {
		t.Errorf("full board: %+v", p)
	}
}

// A page tells from these how late it hears of a change.
func TestTimesAreTheServersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := New(Options{})
		read[outcome](t, ask(app, "POST", storiesPath, "title=old"), http.StatusCreated)
		time.Sleep(4 * time.Second)
		read[outcome](t, ask(app, "POST", storiesPath, "title=new"), http.StatusCreated)
		time.Sleep(250 * time.Millisecond)
		var ages []int64
		d := readChanges(t, app, 123)
		for _, e := range d.Events {
			ages = append(ages, d.Now-e.At)
		}
		if !slices.Equal(ages, []int64{4250, 250}) || d.Now != time.Now().UnixMilli() {
			t.Errorf("ages %v at %d", ages, d.Now)
		}
	})
}

func TestProblemsNameFieldAndFix(t *testing.T) {
	app := New(Options{Switches: map[string]Switch{"push": {
		On:  func() bool { return true },
		Set: func(bool) error { t.Error("push was switched"); return nil },
	}}})
	long := strings.Repeat("é", maxTitle)
	for _, test := range []struct {
		path, body, contentType string
		status                  int
		field, fix              string
	}{
		{storiesPath, "", "", 400, "title", "title=Write"},
		{storiesPath, "title=+%20", "", 400, "title", "title=Write"},
		{storiesPath, "title=" + long, "", 201, "", ""},
		{storiesPath, "title=" + long + "e", "", 400, "title", "120 at most"},
		{storiesPath, "title=a%0Ab", "", 400, "title", "one line"},
		{storiesPath, "title=%ff", "", 400, "title", "UTF-8"},
		{storiesPath, "title=%zz", "", 400, "body", "escaped"},
		{storiesPath, "title=a&title=b", "", 400, "title", "once"},
		{storiesPath, "title=a&colour=red", "", 400, "colour", "send title, column, writer"},
		{storiesPath, "title=a&column=nowhere", "", 400, "column", "backlog, doing, done"},
		{storiesPath, "title=a&writer=a%20b", "", 400, "writer", "letters"},
		{storiesPath, "title=a&writer=" + strings.Repeat("a", 33), "", 400, "writer", "32"},
		{storiesPath, "title=a", "text/plain", 415, "Content-Type", "application/json"},
		{storiesPath, "title=a", ";;", 415, "Content-Type", "application/json"},
		{storiesPath, `["title"]`, "application/json", 400, "body", "JSON object"},
		{storiesPath, `null`, "application/json", 400, "body", "JSON object"},
		{storiesPath, ``, "application/json", 400, "body", "JSON object"},
		{storiesPath, `{"title":"a"} {}`, "application/json", 400, "body", "JSON object"},
		{storiesPath, `{"title":["a"]}`, "application/json", 400, "title", "text"},
		{storiesPath, `{"title":null}`, "application/json", 400, "title", "text"},
		{storiesPath, "title=" + strings.Repeat("a", maxBody), "", 413, "body", "4096"},
		{storiesPath + "/1/move", "", "", 400, "column", "backlog, doing, done"},
		{storiesPath + "/1/move", "column=done&position=-1", "", 400, "position", "from 0"},
		{storiesPath + "/1/move", "column=done&position=x", "", 400, "position", "from 0"},
		{storiesPath + "/99/move", "column=done", "", 404, "id", "no story 99"},
		{storiesPath + "/one/move", "column=done", "", 400, "id", "number"},
		{storiesPath + "/1/rename", "", "", 400, "title", "title=Write"},
		{storiesPath + "/99/rename", "title=a", "", 404, "id", "no story 99"},
		{"/app/switches", "", "", 400, "body", "turns no switch"},
		{"/app/switches", "push=1", "", 400, "push", "true or false"},
		{"/app/switches", "push=false&data=1", "", 400, "data", "true or false"},
		{"/app/switches", "redis=false", "", 400, "redis", "send colleague, data, push"},
		{"/app/token", "ttl=9999h", "", 400, "ttl", "not known"},
	} {
		head := []string{}
		if test.contentType != "" {
			head = []string{"Content-Type", test.contentType}
		}
		w := ask(app, "POST", test.path, test.body, head...)
		p := read[refusal](t, w, test.status)
		if test.status < 300 {
			continue
		}
		if p.Status != test.status || p.Field != test.field || !strings.Contains(p.Detail, test.fix) || p.Code == "" || p.Title == "" {
			t.Errorf("%s %.40q: %+v", test.path, test.body, p)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: Content-Type %s", test.path, got)
		}
	}
	if app.Version() != 124 {
		t.Errorf("the board is at %d: a refused request changed it", app.Version())
	}
	for _, since := range []string{"", "?since=", "?since=-1", "?since=1.5", "?since=9007199254740992"} {
		p := read[refusal](t, ask(app, "GET", boardPath+"/changes"+since, ""), 400)
		if p.Field != "since" || !strings.Contains(p.Detail, "?since=123") {
			t.Errorf("%s: %+v", since, p)
		}
	}
}
