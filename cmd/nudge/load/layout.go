package load

import (
	"strconv"

	"nudge/cmd/nudge/load/sse"
)

// share is the part of worker i of n things: where it begins, and how many it is.
func share(n, workers, i int) (first, count int) {
	first = n * i / workers
	return first, n*(i+1)/workers - first
}

// layout says who watches what: stream s, counted over all workers, watches perStream projects from s on.
type layout struct {
	Prefix    string
	Projects  int
	PerStream int
}

// project is the j-th project of stream s.
func (l layout) project(s, j int) int { return (s + j) % l.Projects }

// slot is the reverse of project: which of its projects p is to stream s; -1 if it is none.
func (l layout) slot(s, p int) int {
	j := (p - s%l.Projects + l.Projects) % l.Projects
	if j >= l.PerStream {
		return -1
	}
	return j
}

func (l layout) name(p int) string { return l.Prefix + strconv.Itoa(p) }

// index is the reverse of name; -1 if it is no project of ours.
func (l layout) index(name []byte) int {
	if len(name) <= len(l.Prefix) || string(name[:len(l.Prefix)]) != l.Prefix {
		return -1
	}
	digits := name[len(l.Prefix):]
	if digits[0] == '0' && len(digits) > 1 {
		return -1
	}
	p, ok := sse.ParseDecimal(digits)
	if !ok || p >= int64(l.Projects) {
		return -1
	}
	return int(p)
}
