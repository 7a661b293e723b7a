package loop

// slab holds values of one type, each with an index other than 0. They lie in chunks that never move, so a pointer to a
// value stays good until the value is removed. As long as T holds no pointer, the garbage collector has nothing to look
// at. Not for concurrent use.
type slab[T any] struct {
	chunks [][]T
	free   []uint32 // to be used again, the last one first
	high   uint32   // the greatest index in use since the slab was empty
	live   int
}

// chunkBits: a chunk of our types is 40 to 64 KiB.
const chunkBits = 10

// add makes room for one more, with the zero value in it.
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

// at is the value with this index, which must not be above high.
func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

// remove frees an index.
func (s *slab[T]) remove(i uint32) {
	s.live--
	*s.at(i) = *new(T)
	s.free = append(s.free, i)
}

// trim gives all memory back if nothing is left: what a crowd needed, nobody may need again. Indices begin anew.
func (s *slab[T]) trim() {
	if s.live == 0 && s.high > 0 {
		*s = slab[T]{}
	}
}
