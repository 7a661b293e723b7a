package audit

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	// longestLine is the longest line that is read, in bytes. Longer ones are skipped.
	longestLine = 1 << 20
	// firstLines are looked at to recognise the format.
	firstLines = 100
)

// input is a log that is open, with its format.
type input struct {
	name   string
	format Format
	first  time.Time // of the first request
	ahead  [][]byte  // lines that were read to recognise the format
	lines  *bufio.Reader
	number int // of the last line that was read
	close  func()
}

// open opens a log, plain or compressed, and recognises its format. "-" is standard input.
func open(name string, stdin io.Reader, read func(n int)) (*input, error) {
	in := &input{name: name, close: func() {}}
	var raw io.Reader = stdin
	if name == "-" {
		in.name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w; name an access log that this user can read", err)
		}
		in.close = func() { f.Close() }
		if info, err := f.Stat(); err == nil && info.IsDir() {
			f.Close()
			return nil, fmt.Errorf("%s: it is a directory; name the logs in it", name)
		}
		raw = f
	}
	text, err := decompress(bufio.NewReaderSize(counted{raw, read}, 1<<16))
	if err == nil {
		in.lines = bufio.NewReaderSize(text, longestLine)
		err = in.recognise()
	}
	if err != nil {
		in.close()
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	return in, nil
}

// decompress finds out by the first bytes what a file is.
func decompress(r *bufio.Reader) (io.Reader, error) {
	magic, _ := r.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	}
	return r, nil
}

// recognise takes the format that reads most of the first lines.
func (in *input) recognise() error {
	for len(in.ahead) < firstLines {
		line, err := in.readLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		in.ahead = append(in.ahead, bytes.Clone(line))
	}
	in.number = 0
	lines := slices.DeleteFunc(slices.Clone(in.ahead), func(l []byte) bool { return len(bytes.TrimSpace(l)) == 0 })
	if len(lines) == 0 {
		return errors.New("it is empty; name an access log with requests")
	}
	most := 0
	for _, f := range formats {
		n := 0
		var first time.Time
		for _, l := range lines {
			var r Request
			if f.parse(l, &r) {
				if n == 0 {
					first = r.Time
				}
				n++
			}
		}
		if n > most {
			most, in.format, in.first = n, f, first
		}
	}
	if 2*most < len(lines) {
		at := 1 + slices.IndexFunc(in.ahead, func(l []byte) bool { return len(bytes.TrimSpace(l)) > 0 })
		return fmt.Errorf("line %d is of no format that is known here: %.60q; write the log as one of: %s", at, lines[0], strings.Join(Formats(), ", "))
	}
	return nil
}

// next reads a line; io.EOF after the last one. It is valid until the next call.
func (in *input) next() ([]byte, error) {
	if len(in.ahead) > 0 {
		line := in.ahead[0]
		in.ahead = in.ahead[1:]
		in.number++
		return line, nil
	}
	return in.readLine()
}

// readLine reads a line without its end. A line that is too long comes back empty.
func (in *input) readLine() ([]byte, error) {
	line, err := in.lines.ReadSlice('\n')
	in.number++
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.lines.ReadSlice('\n')
		}
		line = nil
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("line %d: %w; is the file whole?", in.number, err)
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// counted tells how many bytes are read.
type counted struct {
	io.Reader
	read func(n int)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read(n)
	return n, err
}
