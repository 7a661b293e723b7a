package load

import "sort"

// span is what a stream has seen of one project over one connection.
type span struct {
	after int64 // the version of its first hello; 0: none
	upto  int64 // the newest that it knows
	got   int64 // versions that came after the first hello
}

// skipped is how many versions of the log, which is in order, were jumped over: more than one may have been
// published while the stream was being written to, and then only the newest comes.
func (s span) skipped(log []int64) int64 {
	first := sort.Search(len(log), func(i int) bool { return log[i] > s.after })
	last := sort.Search(len(log), func(i int) bool { return log[i] > s.upto })
	return max(0, int64(last-first)-s.got) // below 0: one came whose publishing seemed to have failed
}

// behind tells whether the newest of the log has not been seen.
func (s span) behind(log []int64) bool {
	return len(log) > 0 && s.upto < log[len(log)-1]
}

// crowd is how many streams of one worker stand on the newest version of a project that any of them has seen.
type crowd struct {
	newest   int64
	watchers int32
	there    int32
	told     bool // that all stand on it
}

// join adds a watcher who stands on v.
func (c *crowd) join(v int64) {
	c.watchers++
	c.arrive(v)
}

// leave takes away a watcher who stood on v.
func (c *crowd) leave(v int64) {
	c.watchers--
	if v == c.newest {
		c.there--
	}
}

// arrive counts a watcher who stood on less and now stands on v.
func (c *crowd) arrive(v int64) {
	if v > c.newest {
		c.newest, c.there, c.told = v, 0, false
	}
	if v == c.newest {
		c.there++
	}
}

// gathered tells, once for each version, that all stand on it.
func (c *crowd) gathered() bool {
	if c.told || c.watchers == 0 || c.there < c.watchers {
		return false
	}
	c.told = true
	return true
}
