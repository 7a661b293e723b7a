package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Options say what to read.
type Options struct {
	// Files are logs, in any order; "-" is standard input.
	Files []string
	Stdin io.Reader
	// Progress is called now and then with the bytes that were read, and how many there are; 0: unknown. nil: not called.
	Progress func(read, all int64)
}

// progressBytes are read between two calls of Progress.
const progressBytes = 8 << 20

// Run reads logs and says what it found. The error names the file, and the line if one is to blame.
func Run(o Options) (*Report, error) {
	var read, said, all int64
	for _, name := range o.Files {
		info, err := os.Stat(name)
		if name == "-" || err != nil {
			all = 0
			break
		}
		all += info.Size()
	}
	count := func(n int) {
		read += int64(n)
		if o.Progress != nil && read-said >= progressBytes {
			said = read
			o.Progress(read, all)
		}
	}
	var inputs []*input
	defer func() {
		for _, in := range inputs {
			in.close()
		}
	}()
	for _, name := range o.Files {
		in, err := open(name, o.Stdin, count)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	// The parts of a rotated log are named in any order.
	slices.SortStableFunc(inputs, func(a, b *input) int { return a.first.Compare(b.first) })
	a := newReader()
	report := &Report{}
	for _, in := range inputs {
		if err := report.read(in, a); err != nil {
			return nil, fmt.Errorf("%s: %w", in.name, err)
		}
		in.close()
	}
	a.end()
	report.sum(a)
	if err := report.simulate(); err != nil {
		return nil, err
	}
	return report, nil
}

// read adds one log.
func (r *Report) read(in *input, a *reader) error {
	log := Log{Name: in.name, Format: in.format.Name}
	var request Request
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		log.Lines++
		switch {
		case len(line) == 0:
		case in.format.parse(line, &request):
			a.add(&request)
		default:
			if log.Unread == 0 {
				log.FirstUnread = in.number
			}
			log.Unread++
		}
	}
	r.Logs = append(r.Logs, log)
	return nil
}
