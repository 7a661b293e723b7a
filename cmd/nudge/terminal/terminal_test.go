package terminal

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// hostile has what terminals obey: an escape sequence, its 8-bit form, delete, a carriage return, and text from right to left.
const hostile = "a\x1b[2J\u009b2J\x7f\r\u202eb\U000e0001\n\tc é 漢"

func TestTextIsPrintable(t *testing.T) {
	if got, want := Printable(hostile), "a?[2J?2J???b???c é 漢"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := Lines(hostile), "a?[2J?2J???b?\n\tc é 漢"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// JSON stays the same value, and holds nothing that a terminal obeys.
func TestEscapeJSON(t *testing.T) {
	var text strings.Builder
	if err := WriteJSON(&text, map[string]string{"text": hostile}); err != nil {
		t.Fatal(err)
	}
	if got := Lines(text.String()); got != text.String() || strings.Count(got, "\n") != 1 {
		t.Errorf("%q has what terminals obey", text.String())
	}
	var back map[string]string
	if err := json.Unmarshal([]byte(text.String()), &back); err != nil || back["text"] != hostile {
		t.Errorf("%v: %q, want %q", err, back["text"], hostile)
	}
	if got, want := string(EscapeJSON([]byte("{\r\n\"a\": \"\x9b\"}\n"))), "{ \n\"a\": \"\\ufffd\"}\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLine(t *testing.T) {
	for replaces, want := range map[bool]string{
		true:  clearLine + "2" + clearLine + "3" + clearLine + "4" + clearLine,
		false: "4\n",
	} {
		var out strings.Builder
		now := time.Unix(0, 0)
		l := newLine(&out, replaces, func() time.Time { return now })
		l.Show("1") // too early
		for i, text := range []string{"2", "3", "4"} {
			now = time.Unix(0, 0).Add([]time.Duration{TerminalEvery, 2 * TerminalEvery, PlainEvery}[i])
			l.Show(text)
		}
		l.Close()
		if out.String() != want {
			t.Errorf("replaces %v: %q, want %q", replaces, out.String(), want)
		}
	}
}

func TestPage(t *testing.T) {
	var out strings.Builder
	p := &Page{out: &out, size: func() (int, int) { return 6, 4 }}
	for _, text := range []string{"one\n", "a\nb\nc\nd\ne\n", "1234567\n"} {
		if err := p.Show(text); err != nil {
			t.Fatal(err)
		}
	}
	want := "\x1b[2J\x1b[Hone\x1b[K\r\n\x1b[J" + "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n… and…\x1b[K\r\n\x1b[J" + "\x1b[H12345…\x1b[K\r\n\x1b[J"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestIs(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if Is(&strings.Builder{}) || Is(file) {
		t.Error("what is no terminal counts as one")
	}
}
