package audit

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// begin is the time of the first request of made logs.
var begin = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// entry is a request of a made log.
type entry struct {
	at            float64 // seconds after begin
	client, agent string
	target        string
	status, bytes int
}

func (e entry) time() time.Time { return begin.Add(time.Duration(e.at * float64(time.Second))) }

func combinedLine(e entry) string {
	return fmt.Sprintf("%s - - [%s] \"GET %s HTTP/1.1\" %d %d \"-\" %q\n", e.client, e.time().Format("02/Jan/2006:15:04:05 -0700"), e.target, e.status, e.bytes, e.agent)
}

func caddyLine(e entry) string {
	return fmt.Sprintf(`{"ts":%.3f,"request":{"client_ip":%q,"method":"GET","uri":%q,"headers":{"User-Agent":[%q]}},"size":%d,"status":%d}`+"\n",
		float64(e.time().UnixMilli())/1000, e.client, e.target, e.agent, e.bytes, e.status)
}

func albLine(e entry) string {
	return fmt.Sprintf("https %s app/a/1 %s:2817 10.0.0.1:80 0.0 0.0 0.0 %d %d 34 %d \"GET https://a.test:443%s HTTP/1.1\" %q - - arn\n",
		e.time().Format(time.RFC3339Nano), e.client, e.status, e.status, e.bytes, e.target, e.agent)
}

// polling are pages that poll what changes, as an application answers them. quiet is the answer to "nothing new".
type polling struct {
	pages, projects int
	every, jitter   float64
	changeEvery     float64 // seconds between changes of a project
	quiet           int     // status
	delta           bool    // an answer has the changes only; else the whole, which is as long as before if nothing changed
	perClient       int     // pages of one client, which watch the same project
}

// make returns the requests of an hour, and the share of empty polls.
func (p polling) make(dice *rand.Rand) (entries []entry, empty float64) {
	const hour = 3600.0
	changes := make([][]float64, p.projects)
	for i := range changes {
		for at := dice.Float64() * p.changeEvery; at < hour; at += p.changeEvery * 2 * dice.Float64() {
			changes[i] = append(changes[i], at)
		}
	}
	version := func(project int, at float64) int {
		n, _ := slices.BinarySearch(changes[project], at)
		return n
	}
	silent, answered := 0, 0
	for page := range p.pages {
		client := page / max(1, p.perClient)
		project := client % p.projects
		at := dice.Float64() * hour / 4
		end := at + hour/4 + dice.Float64()*hour/2
		have := version(project, at)
		for ; at < min(end, hour); at += p.every * (1 - p.jitter + 2*p.jitter*dice.Float64()) {
			e := entry{at: at, client: fmt.Sprintf("10.0.%d.%d", client/250, client%250), agent: fmt.Sprint("browser ", client%7), status: 200}
			e.target = fmt.Sprintf("/projects/%d/changes?since=%d", project, 1000+have)
			now := version(project, at)
			answered++
			switch {
			case now == have && p.quiet != 200:
				e.status = p.quiet
				silent++
			case now == have:
				silent++
				e.bytes = 27
			case p.delta:
				e.bytes = 300 + dice.IntN(5000)
			}
			if !p.delta {
				e.bytes = 20_000 + 97*now
			}
			have = now
			entries = append(entries, e)
		}
	}
	return entries, float64(silent) / float64(answered)
}

// browsing are people who read pages: nobody polls. It includes one who reloads the same page, at no rhythm.
func browsing(dice *rand.Rand, requests int) (entries []entry) {
	for range requests {
		who := dice.IntN(500)
		e := entry{at: dice.Float64() * 3600, client: fmt.Sprintf("10.1.%d.%d", who/250, who%250), agent: "reader", status: 200, bytes: 500 + dice.IntN(9000)}
		e.target = fmt.Sprintf("/stories/%d", dice.IntN(300))
		if dice.IntN(3) == 0 {
			e.target = "/assets/app.js"
		}
		entries = append(entries, e)
	}
	for at := 0.0; at < 3600; at += 400 * dice.Float64() * dice.Float64() {
		entries = append(entries, entry{at: at, client: "10.2.0.1", agent: "reader", target: "/inbox", status: 200, bytes: 900})
	}
	return entries
}

func text(entries []entry, line func(entry) string) []byte {
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	var b bytes.Buffer
	for _, e := range entries {
		b.WriteString(line(e))
	}
	return b.Bytes()
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, files ...string) *Report {
	t.Helper()
	report, err := Run(Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func paths(r *Report) string {
	var b strings.Builder
	for _, f := range r.Polled {
		fmt.Fprintf(&b, "%s every %.1f s, %d of %d; ", f.Path, f.Every, f.Polls, f.Requests)
	}
	return b.String()
}

// What is found is what was made: the path, its pace, the number of pages, and the share of empty answers within 5 %.
func TestPollingIsFound(t *testing.T) {
	for _, tt := range []struct {
		name string
		polling
		line func(entry) string
	}{
		{"304", polling{pages: 60, projects: 12, every: 10, jitter: 0.2, changeEvery: 120, quiet: 304}, combinedLine},
		{"204, exact intervals", polling{pages: 60, projects: 60, every: 5, changeEvery: 60, quiet: 204}, caddyLine},
		{"200 with changes only", polling{pages: 60, projects: 12, every: 10, jitter: 0.2, changeEvery: 60, quiet: 200, delta: true}, albLine},
		{"200 with everything", polling{pages: 60, projects: 12, every: 30, jitter: 0.1, changeEvery: 300, quiet: 200}, combinedLine},
		{"two tabs of each browser", polling{pages: 60, projects: 15, every: 10, jitter: 0.05, changeEvery: 120, quiet: 304, perClient: 2}, caddyLine},
		{"busy projects", polling{pages: 40, projects: 10, every: 3, jitter: 0.2, changeEvery: 9, quiet: 304}, combinedLine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(1, 2))
			entries, empty := tt.make(dice)
			polls := len(entries)
			report := run(t, write(t, "access.log", text(append(entries, browsing(dice, 3000)...), tt.line)))
			if len(report.Polled) != 1 {
				t.Fatalf("%d paths are said to be polled: %s", len(report.Polled), paths(report))
			}
			f := report.Polled[0]
			if f.Path != "/projects/:id/changes?since=" {
				t.Errorf("path %s", f.Path)
			}
			near := func(what string, got, want, within float64) {
				t.Helper()
				if got < want*(1-within) || got > want*(1+within) {
					t.Errorf("%s: %.4g, want %.4g within %.0f %%", what, got, want, 100*within)
				}
			}
			near("interval", f.Every, tt.every, 0.1)
			near("polls", float64(f.Polls), float64(polls), 0.05)
			near("empty", f.Likely, empty, 0.05)
			if tt.quiet != 200 {
				near("certainly empty", f.Certain, empty, 0.05)
			}
			within := 0.1
			if tt.perClient > 1 {
				within = 0.2 // two tabs that poll at opposite times look like one that polls twice as often
			}
			near("pages", f.Pages, float64(polls)*tt.every/report.To.Sub(report.From).Seconds(), within)
			o := report.Outlook
			if o == nil || o.Saved <= 0.2 || o.Saved >= 1 || o.With.Rate >= o.Now.Rate {
				t.Errorf("outlook: %+v", o)
			}
		})
	}
}

// Rare changes leave more to save than frequent ones.
func TestSavedFollowsFromChanges(t *testing.T) {
	saved := func(changeEvery float64) float64 {
		entries, _ := polling{pages: 60, projects: 60, every: 10, jitter: 0.2, changeEvery: changeEvery, quiet: 304}.make(rand.New(rand.NewPCG(1, 2)))
		return run(t, write(t, "access.log", text(entries, combinedLine))).Outlook.Saved
	}
	if rare, often := saved(3000), saved(20); rare < 0.9 || often > 0.8 {
		t.Errorf("with a change in 50 min %.2f are saved, with one in 20 s %.2f", rare, often)
	}
}

func TestNothingPolls(t *testing.T) {
	report := run(t, write(t, "access.log", text(browsing(rand.New(rand.NewPCG(3, 4)), 20_000), combinedLine)))
	if len(report.Polled) != 0 || report.Outlook != nil {
		t.Errorf("found %s", paths(report))
	}
	var b strings.Builder
	if err := report.Print(&b); err != nil || !strings.Contains(b.String(), "Nothing polls") {
		t.Errorf("%v, it says:\n%s", err, &b)
	}
}

// The parts of a rotated log, plain and compressed, in any order, are one log; so is standard input.
func TestPartsOfOneLog(t *testing.T) {
	entries, _ := polling{pages: 30, projects: 5, every: 10, jitter: 0.2, changeEvery: 120, quiet: 304}.make(rand.New(rand.NewPCG(5, 6)))
	whole := text(entries, combinedLine)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	third := len(lines) / 3
	var zipped, zstandard bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	gz.Write(bytes.Join(lines[:third], nil))
	gz.Close()
	zs, err := zstd.NewWriter(&zstandard)
	if err != nil {
		t.Fatal(err)
	}
	zs.Write(bytes.Join(lines[third:2*third], nil))
	zs.Close()
	want := run(t, write(t, "access.log", whole))
	got := run(t, write(t, "access.log", bytes.Join(lines[2*third:], nil)), write(t, "access.log.2.gz", zipped.Bytes()), write(t, "access.log.1.zst", zstandard.Bytes()))
	piped, err := Run(Options{Files: []string{"-"}, Stdin: bytes.NewReader(whole)})
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Report{"parts": got, "standard input": piped} {
		a, b := want.Polled[0], r.Polled[0]
		a.Over, b.Over = Over{}, Over{}
		if fmt.Sprint(a) != fmt.Sprint(b) || r.Requests != want.Requests {
			t.Errorf("%s: %+v, want %+v", name, b, a)
		}
	}
}

// Pages that poll are found among very many paths that are asked for once, also if these come first.
func TestManyPaths(t *testing.T) {
	dice := rand.New(rand.NewPCG(13, 14))
	entries, _ := polling{pages: 20, projects: 5, every: 10, jitter: 0.2, changeEvery: 120, quiet: 304}.make(dice)
	polls := len(entries)
	for i := range entries {
		entries[i].at += 1000
	}
	for n := range 3 * mostPaths {
		entries = append(entries, entry{at: dice.Float64() * 1000, client: "10.9.0.1", agent: "reader", target: "/people/" + word(n), status: 200, bytes: 900})
	}
	report := run(t, write(t, "access.log", text(entries, combinedLine)))
	if len(report.Polled) != 1 || float64(report.Polled[0].Polls) < 0.95*float64(polls) {
		t.Errorf("%d polls were made, found %s", polls, paths(report))
	}
}

// word is a name without digits, another one for each n.
func word(n int) string {
	letters := []byte{}
	for ; n > 0 || len(letters) == 0; n /= 26 {
		letters = append(letters, byte('a'+n%26))
	}
	return string(letters)
}

// Too many clients: only some are followed, the figures are of all, and the same log has the same report.
func TestManyClients(t *testing.T) {
	const clients, polls = 6000, 10
	audit := func() (r Report) {
		a := newReader()
		a.most = 2000
		for n := range polls {
			for c := range clients {
				a.add(&Request{
					Time: begin.Add(time.Duration(n) * 10 * time.Second), Client: fmt.Append(nil, "c", c), Agent: []byte("x"), Method: []byte("GET"),
					Target: []byte("/poll"), Status: 304,
				})
				if len(a.series) > a.most+1 {
					t.Fatalf("%d series are kept", len(a.series))
				}
			}
		}
		a.end()
		r.sum(a)
		return r
	}
	r := audit()
	if r.OneOf < 4 || len(r.Polled) != 1 {
		t.Fatalf("one client of %d is followed, found %+v", r.OneOf, r.Polled)
	}
	if got := float64(r.Polled[0].Polls) / (clients * polls); got < 0.95 || got > 1.05 {
		t.Errorf("%d polls are found, want %d", r.Polled[0].Polls, clients*polls)
	}
	if again := audit().Polled[0]; again.Polls != r.Polled[0].Polls {
		t.Errorf("the same log has %d polls, then %d", r.Polled[0].Polls, again.Polls)
	}
}

// What cannot be read is named, with what would be.
func TestWrongLogs(t *testing.T) {
	good := combinedLine(entry{client: "10.0.0.1", target: "/", status: 200})
	cut := func() []byte {
		var b bytes.Buffer
		gz := gzip.NewWriter(&b)
		gz.Write(bytes.Repeat([]byte(good), 10_000))
		gz.Close()
		return b.Bytes()[:b.Len()/2]
	}
	for _, tt := range []struct{ name, content, want string }{
		{"app.log", "\nhello\nworld\n", `app.log: line 2 is of no format that is known here: "hello"; write the log as one of: nginx or Apache combined`},
		{"empty.log", "\n\n", "empty.log: it is empty; name an access log"},
		{"cut.gz", string(cut()), "unexpected EOF; is the file whole?"},
	} {
		if _, err := Run(Options{Files: []string{write(t, tt.name, []byte(tt.content))}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := Run(Options{Files: []string{t.TempDir()}}); err == nil || !strings.Contains(err.Error(), "it is a directory; name the logs in it") {
		t.Errorf("a directory: %v", err)
	}
	// A few lines of something else are counted, and so is one that is too long.
	content := strings.Repeat(good, 40) + "a message of the server\n" + strings.Repeat("x", 2*longestLine) + "\n" + good
	report := run(t, write(t, "mixed.log", []byte(content)))
	if l := report.Logs[0]; report.Requests != 41 || l.Unread != 1 || l.FirstUnread != 41 || l.Lines != 43 {
		t.Errorf("%d requests, %+v", report.Requests, l)
	}
}

// A page that one can send: what strangers wrote into paths is text there, and it needs nothing from anywhere.
func TestHTML(t *testing.T) {
	entries, _ := polling{pages: 30, projects: 5, every: 10, jitter: 0.2, changeEvery: 120, quiet: 304}.make(rand.New(rand.NewPCG(7, 8)))
	for i := range entries {
		entries[i].target = "/<script>alert(1)</script>/poll"
	}
	report := run(t, write(t, "access.log", text(entries, combinedLine)))
	var b strings.Builder
	if err := report.HTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nudge would save", "&lt;script&gt;alert(1)", "<polyline class=\"now\" points=\"0.0,"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, not := range []string{"<script", "http://", "https://", "src=", "ZgotmplZ"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("it has %q", not)
		}
	}
	b.Reset()
	if err := (&Report{Logs: []Log{{Name: "x"}}}).HTML(&b); err != nil || !strings.Contains(b.String(), "Nothing polls") {
		t.Errorf("%v; without polls it says:\n%s", err, &b)
	}
}

// docs/audit.md shows what is printed. UPDATE=1 writes it there.
func TestDocs(t *testing.T) {
	const name = "../../../docs/audit.md"
	dice := rand.New(rand.NewPCG(11, 12))
	board, _ := polling{pages: 180, projects: 40, every: 10, jitter: 0.2, changeEvery: 240, quiet: 304}.make(dice)
	badge, _ := polling{pages: 90, projects: 90, every: 30, jitter: 0.1, changeEvery: 900, quiet: 200}.make(dice)
	for i := range badge {
		badge[i].target = "/badge.json"
		badge[i].bytes -= 19_000
	}
	report := run(t, write(t, "access.log", text(slices.Concat(board, badge, browsing(dice, 4000)), combinedLine)))
	report.Logs[0].Name = "access.log"
	var b strings.Builder
	if err := report.Print(&b); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), "<!-- a test makes this -->\n```\n")
	shown, after, ok2 := strings.Cut(rest, "```\n")
	if !ok1 || !ok2 {
		t.Fatal("there is no place for it")
	}
	if shown == b.String() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("docs/audit.md shows something else; write it with UPDATE=1 go test ./cmd/nudge/audit\nit shows\n%s\nbut printed is\n%s", shown, &b)
	}
	if err := os.WriteFile(name, []byte(before+"<!-- a test makes this -->\n```\n"+b.String()+"```\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTimeline(t *testing.T) {
	var line timeline
	dice := rand.New(rand.NewPCG(9, 9))
	const n = 5000
	for range n {
		line.add(1_000_000 + int64(dice.IntN(100_000)))
	}
	over := line.result()
	sum := int32(0)
	for _, c := range over.Counts {
		sum += c
	}
	if sum != n || len(over.Counts) < bins/4 || over.Width*bins < 100_000 {
		t.Errorf("%d of %d are counted, in %d bins of %d s", sum, n, len(over.Counts), over.Width)
	}
}

func BenchmarkCombined(b *testing.B) {
	entries, _ := polling{pages: 200, projects: 40, every: 10, jitter: 0.2, changeEvery: 300, quiet: 304}.make(rand.New(rand.NewPCG(1, 2)))
	log := text(entries, combinedLine)
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		a := newReader()
		var r Request
		for _, l := range lines {
			if parseCombined(l, &r) {
				a.add(&r)
			}
		}
	}
}
