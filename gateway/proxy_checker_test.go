package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nudge/version"
)

// checker takes a stream apart and remembers what was told. It is stricter than a browser, which would make
// something of nearly any text: each frame must be one that a gateway writes, whole, and no version may go
// back. A frame that was cut in the middle and followed by another is what it is there to catch.
type checker struct {
	begun    []byte           // what came of a frame that is not whole yet
	last     string           // kind of the last whole frame
	counts   map[string]int   // of each kind of frame
	versions map[string]int64 // newest that was told
	push     string           // that was told last
	goodbye  string           // reason
}

func newChecker() *checker {
	return &checker{counts: map[string]int{}, versions: map[string]int64{}}
}

var (
	retryLine = regexp.MustCompile(`\Aretry: \d{4,6}\n`)
	blank     = ":" + strings.Repeat(" ", 2047)
)

// take takes the next bytes. After an error the stream is broken.
func (c *checker) take(b []byte) error {
	c.begun = append(c.begun, b...)
	for {
		text, rest, whole := bytes.Cut(c.begun, []byte("\n\n"))
		if !whole {
			return nil
		}
		if err := c.frame(string(text)); err != nil {
			return fmt.Errorf("%w after %q: %.400q", err, c.last, text)
		}
		c.begun = append(c.begun[:0], rest...)
	}
}

// whole tells whether the stream may end here.
func (c *checker) whole() error {
	if len(c.begun) > 0 {
		return fmt.Errorf("the stream ends within a frame: %.400q", c.begun)
	}
	return nil
}

// frame checks one frame, without its empty line.
func (c *checker) frame(text string) error {
	if c.goodbye != "" {
		return errors.New("a frame after the goodbye")
	}
	if text == blank {
		if c.last != "hello" || c.counts["hello"] > 1 {
			return errors.New("padding that does not follow the first hello")
		}
		c.tally("padding")
		return nil
	}
	if text == ":" {
		if c.counts["padding"] == 0 {
			return errors.New("a comment before the padding")
		}
		return nil
	}
	if retry := retryLine.FindString(text); retry != "" {
		if c.last != "" {
			return errors.New("retry in the middle")
		}
		text = text[len(retry):]
	}
	id, rest, _ := strings.Cut(text, "\n")
	if data, ok := strings.CutPrefix(rest, "event: version\ndata: "); ok && c.counts["padding"] > 0 {
		c.tally("version")
		return c.advanced(id, data)
	}
	name, data, found := strings.Cut(text, "\ndata: ")
	name, event := strings.CutPrefix(name, "event: ")
	switch {
	case !found || !event || name != "hello" && name != "heartbeat" && name != "goodbye":
		return errors.New("no frame of ours")
	case c.last == "" && name == "heartbeat", c.last == "hello" && c.counts["padding"] == 0:
		return errors.New("a frame that may not come here")
	}
	c.tally(name)
	return c.said(name, data)
}

func (c *checker) said(name, data string) error {
	var said struct {
		Push     string           `json:"push"`
		Versions map[string]int64 `json:"versions"`
		Reason   string           `json:"reason"`
	}
	if err := oneLine(data, &said); err != nil {
		return err
	}
	if name == "goodbye" {
		c.goodbye = said.Reason
		return nil
	}
	c.push = said.Push
	for p, v := range said.Versions {
		if v < c.versions[p] {
			return fmt.Errorf("a hello takes %s back from %d to %d", p, c.versions[p], v)
		}
		c.versions[p] = v
	}
	return nil
}

// oneLine reads an object that stands in one line, as its first and last byte show.
func oneLine(line string, into any) error {
	if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}") || strings.Contains(line, "\n") {
		return errors.New("not one line with an object")
	}
	return json.Unmarshal([]byte(line), into)
}

func (c *checker) tally(kind string) {
	c.last = kind
	c.counts[kind]++
}

func (c *checker) advanced(id, data string) error {
	var said struct {
		Project string `json:"project"`
		Version int64  `json:"version"`
		Reset   bool   `json:"reset"`
		Data    string `json:"data"`
	}
	if err := oneLine(data, &said); err != nil {
		return err
	}
	if want := fmt.Sprintf("id: %s@%d", said.Project, said.Version); id != want {
		return fmt.Errorf("%s with the data of %s", id, want)
	}
	if said.Version <= c.versions[said.Project] && !said.Reset {
		return fmt.Errorf("back from %d to %d", c.versions[said.Project], said.Version)
	}
	if said.Data != "" && said.Data != filler(said.Version, len(said.Data)) {
		return fmt.Errorf("not the data of version %d", said.Version)
	}
	c.versions[said.Project] = said.Version
	return nil
}

// noise never repeats itself, so that a missing piece shows.
var noise = func() string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 16<<10)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}()

// filler is data of n bytes that belong to a version, each in its place.
func filler(v int64, n int) string {
	b := strconv.AppendInt(append(strconv.AppendInt(nil, int64(n), 10), '.'), v, 10)
	return string(append(b, noise[v%1000:][:n-len(b)]...))
}

// large is news with data of n bytes.
func large(t testing.TB, project string, v int64, n int) version.News {
	t.Helper()
	prev := version.Version(v - 1)
	return version.News{Project: mark(t, project).Project, Version: version.Version(v), Prev: &prev, Data: []byte(`"` + filler(v, n) + `"`)}
}

const (
	firstHello = "retry: 1630\nevent: hello\ndata: {\"push\":\"healthy\",\"versions\":{\"42\":5}}\n\n"
	laterHello = "event: hello\ndata: {\"push\":\"healthy\",\"versions\":{\"42\":6,\"7\":1}}\n\n"
	beating    = "event: heartbeat\ndata: {\"push\":\"down\",\"poll_ms\":300000}\n\n"
	parting    = "event: goodbye\ndata: {\"reason\":\"drain\",\"after_ms\":1000}\n\n"
)

func advancing(v int64, data string) string {
	return fmt.Sprintf("id: 42@%d\nevent: version\ndata: {\"project\":\"42\",\"version\":%d,\"spread_ms\":0,\"prev\":1,\"data\":%q}\n\n", v, v, data)
}

// checked gives text to a checker in pieces of a size, and returns what it thinks of it in the end.
func checked(text string, size int) error {
	c := newChecker()
	for b := []byte(text); len(b) > 0; b = b[min(size, len(b)):] {
		if err := c.take(b[:min(size, len(b))]); err != nil {
			return err
		}
	}
	return c.whole()
}

func TestChecker(t *testing.T) {
	t.Parallel()
	opening := firstHello + blank + "\n\n"
	sixth, seventh := advancing(6, filler(6, 300)), advancing(7, filler(7, 300))
	for _, good := range []string{
		"", opening, opening + sixth + beating + seventh + parting, opening + beating + laterHello + seventh,
		opening + sixth + laterHello + parting, "retry: 1000\n" + parting, parting,
		opening + seventh + "id: 42@3\nevent: version\ndata: {\"project\":\"42\",\"version\":3,\"reset\":true}\n\n",
	} {
		for _, size := range []int{1, 7, 10_000} {
			if err := checked(good, size); err != nil {
				t.Errorf("in pieces of %d: %v", size, err)
			}
		}
	}
	for name, bad := range map[string]string{
		"goes back":                    opening + seventh + sixth,
		"the same again":               opening + sixth + sixth,
		"a hello goes back":            opening + seventh + laterHello,
		"nothing after a goodbye":      opening + parting + beating,
		"retry in the middle":          opening + "retry: 1630\n" + beating,
		"no hello":                     beating,
		"no padding":                   firstHello + beating,
		"padding twice":                opening + blank + "\n\n",
		"padding later":                opening + laterHello + blank + "\n\n",
		"another version's data":       opening + advancing(6, filler(7, 300)),
		"another version's id":         opening + strings.Replace(sixth, "42@6", "42@7", 1),
		"a header of HTTP":             opening + "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a chunk's length":             opening + "4b\r\n" + sixth,
		"a carriage return":            opening + strings.ReplaceAll(beating, "\n", "\r\n"),
		"an empty line":                opening + "\n\n" + beating,
		"an event that nobody defined": opening + strings.Replace(beating, "heartbeat", "message", 1),
	} {
		if err := checked(bad, 7); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Wherever a frame is cut and whatever follows, it is caught; so is a hole in what came with a version.
func TestCheckerCatchesCutFrames(t *testing.T) {
	t.Parallel()
	opening := firstHello + blank + "\n\n"
	frames := []string{beating, laterHello, parting, advancing(8, filler(8, 60)), advancing(9, filler(9, 60))}
	for _, cut := range frames {
		for i := 1; i < len(cut); i++ {
			if checked(opening+cut[:i], 64) == nil {
				t.Errorf("ends after %q", cut[:i])
			}
			for _, next := range frames {
				if checked(opening+cut[:i]+next, 64) == nil {
					t.Errorf("cut after %q, then %q: accepted", cut[:i], next)
				}
			}
		}
	}
	for i := 1; i < len(opening); i++ {
		if i != len(firstHello) && checked(opening[:i]+beating, 4096) == nil {
			t.Errorf("cut after %q: accepted", opening[:i])
		}
	}
	whole := advancing(8, filler(8, 200))
	for i := strings.Index(whole, "200.8"); i < len(whole)-12; i++ {
		for _, hole := range []int{1, 3, 5} {
			if checked(opening+whole[:i]+whole[i+hole:], 4096) == nil {
				t.Fatalf("%d bytes are missing at %d: accepted", hole, i)
			}
		}
	}
}
