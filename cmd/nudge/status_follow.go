package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"nudge/cmd/nudge/terminal"
)

// shortestInterval is that of nudge status --watch.
const shortestInterval = 100 * time.Millisecond

// statusFollower is nudge status --watch.
type statusFollower struct {
	base       *url.URL
	interval   time.Duration
	ofShadow   bool // show what pages in shadow saw
	asJSON     bool
	out, notes io.Writer
	page       *terminal.Page // nil: what is printed stays
	now        func() time.Time

	last  string    // the newest page; "": there is none
	away  string    // why there is no answer; "": there is one
	since time.Time // when the last answer came, or when the first one did not
}

func newStatusFollower(base *url.URL, interval time.Duration, ofShadow, asJSON bool, out, notes io.Writer) *statusFollower {
	f := &statusFollower{base: base, interval: interval, ofShadow: ofShadow, asJSON: asJSON, out: out, notes: notes, now: time.Now}
	if !asJSON && terminal.Is(out) {
		f.page = terminal.NewPage(out.(*os.File))
	}
	return f
}

// run asks at once, and then with each tick, until ctx ends. It fails if output fails, if what answers first is no gateway, or
// if the gateway knows nothing of shadow and is asked for it.
func (f *statusFollower) run(ctx context.Context, ticks <-chan time.Time) error {
	for {
		if err := f.once(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}

// once asks, and shows what there is.
func (f *statusFollower) once(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	text, s, err := askStatus(asking, f.base)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return f.missing(err)
	}
	f.away, f.since = "", f.now()
	var page strings.Builder
	switch {
	case f.ofShadow:
		err = s.printShadow(&page, f.now(), f.asJSON)
	case f.asJSON:
		page.Write(terminal.EscapeJSON(text))
	default:
		err = s.print(&page, f.now())
	}
	if err != nil {
		return err
	}
	if f.asJSON {
		var line bytes.Buffer
		if err := json.Compact(&line, []byte(page.String())); err != nil {
			return err
		}
		return f.write(line.String() + "\n")
	}
	f.last = page.String()
	at := f.since.Format(time.TimeOnly)
	if f.page == nil {
		return f.write(at + "\n" + f.last + "\n")
	}
	return f.page.Show(fmt.Sprintf("%s, every %v; Ctrl-C ends\n\n%s", at, f.interval, f.last))
}

// missing says that there is no answer. What answers and is no gateway is an error, unless a gateway was there before: then
// it may be a proxy that has nothing to ask.
func (f *statusFollower) missing(err error) error {
	var away awayError
	if !errors.As(err, &away) && f.since.IsZero() {
		return err
	}
	if f.since.IsZero() {
		f.since = f.now()
	}
	why := terminal.Printable(err.Error())
	if f.page != nil {
		said := ""
		if f.last != "" {
			said = "\nIts last answer:\n" + f.last
		}
		f.away = why
		return f.page.Show(fmt.Sprintf("no answer since %s; asking every %v; Ctrl-C ends\n%s\n%s",
			f.since.Format(time.TimeOnly), f.interval, why, said))
	}
	if why != f.away { // each cause once: the same line every second would hide the others
		fmt.Fprintf(f.notes, "%s no answer: %s; asking every %v\n", f.now().Format(time.TimeOnly), why, f.interval)
	}
	f.away = why
	return nil
}

func (f *statusFollower) write(text string) error {
	_, err := io.WriteString(f.out, text)
	return err
}
