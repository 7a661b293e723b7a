package load

import (
	"strconv"

	"nudge/cmd/nudge/load/sse"
)

// share returns the part of n things that worker i gets: the first, and how many.
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

// slot is the reverse of project: project p is the slot-th project of stream s; -1: s does not watch p.
func (l layout) slot(s, p int) int {
	j := (p - s%l.Projects + l.Projects) % l.Projects
	if j >= l.PerStream {
		return -1
	}
	return j
}

func (l layout) name(p int) string { return l.Prefix + strconv.Itoa(p) }

// index is the reverse of name; -1: the run has no project of this name.
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
