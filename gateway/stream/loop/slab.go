package loop

// slab holds values of one type, each with an index above 0. Chunks never move, so a pointer to a value is valid until the
// value is removed. If T holds no pointer, the garbage collector does not scan the chunks. It is not safe for concurrent use.
type slab[T any] struct {
	chunks [][]T
	free   []uint32 // removed indices, used again from the end
	high   uint32   // the greatest index used since the last trim
	live   int
}

// chunkBits: a chunk of our types is 40 to 64 KiB.
const chunkBits = 10

// add adds a zero value, and returns its index.
func (s *slab[T]) add() (uint32, *T) {
	s.live++
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i, s.at(i)
	}
	s.high++
	if int(s.high>>chunkBits) == len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, 1<<chunkBits))
	}
	return s.high, s.at(s.high)
}

// at returns the value with this index, which must not be above high.
func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

// remove frees an index.
func (s *slab[T]) remove(i uint32) {
	s.live--
	*s.at(i) = *new(T)
	s.free = append(s.free, i)
}

// trim gives all memory back if no value is left. Indices start at 1 again.
func (s *slab[T]) trim() {
	if s.live == 0 && s.high > 0 {
		*s = slab[T]{}
	}
}
