package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"nudge/internal/quantity"
)

const (
	clearLine  = "\r\x1b[K"
	clearPage  = "\x1b[2J"
	toTop      = "\x1b[H"
	restOfLine = "\x1b[K"
	restOfPage = "\x1b[J"
)

// How often progress is shown.
const (
	TerminalEvery = 250 * time.Millisecond
	PlainEvery    = 5 * time.Second
)

// Is tells whether w is a terminal on which text can be replaced.
func Is(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// Line shows how far work of some seconds has come: on a terminal as one line that replaces itself, elsewhere as a line now and
// then.
type Line struct {
	out      io.Writer
	replaces bool
	now      func() time.Time
	next     time.Time
	shown    bool
}

// NewLine returns a Line that writes to out.
func NewLine(out io.Writer) *Line { return newLine(out, Is(out), time.Now) }

func newLine(out io.Writer, replaces bool, now func() time.Time) *Line {
	l := &Line{out: out, replaces: replaces, now: now}
	l.next = now().Add(l.every())
	return l
}

func (l *Line) every() time.Duration {
	if l.replaces {
		return TerminalEvery
	}
	return PlainEvery
}

// Show shows text if it is time for it. It may be called often.
func (l *Line) Show(text string) {
	now := l.now()
	if now.Before(l.next) {
		return
	}
	l.next, l.shown = now.Add(l.every()), true
	if l.replaces {
		fmt.Fprint(l.out, clearLine+text)
		return
	}
	fmt.Fprintln(l.out, text)
}

// Close removes the line from a terminal.
func (l *Line) Close() {
	if l.replaces && l.shown {
		fmt.Fprint(l.out, clearLine)
	}
}

// Page is a text that replaces itself on a terminal.
type Page struct {
	out   io.Writer
	size  func() (width, height int)
	shown bool
}

// NewPage returns a Page for a terminal; see Is.
func NewPage(out *os.File) *Page {
	return &Page{out: out, size: func() (int, int) {
		width, height, err := term.GetSize(int(out.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}}
}

// Show replaces what was shown before. What has no room on the terminal is cut off, since it could not be replaced.
func (p *Page) Show(text string) error {
	width, height := p.size()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if room := max(2, height-1); len(lines) > room { // the last row is for the cursor
		left := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], fmt.Sprintf("… and %s more; make the window higher", quantity.Of(left, "line")))
	}
	var all strings.Builder
	if !p.shown {
		all.WriteString(clearPage)
	}
	all.WriteString(toTop)
	for _, line := range lines {
		all.WriteString(cut(line, width) + restOfLine + "\r\n")
	}
	all.WriteString(restOfPage)
	p.shown = true
	_, err := io.WriteString(p.out, all.String())
	return err
}

// cut shortens a line to width characters.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:max(0, width-1)]) + "…"
}
