package gateway

// slab holds values of one type, each named by an index other than 0. They lie in chunks that never move, so a
// pointer to one stays good until it is freed; and as long as T holds no pointer, the garbage collector
// has nothing to look at, however many there are. Not for concurrent use.
type slab[T any] struct {
	chunks [][]T
	free   []uint32 // to be used again, the last one first
	high   uint32   // the greatest index that was ever used
	live   int
}

// chunkBits: a chunk of our types is 40 to 64 KiB, of which half a chunk is wasted on average.
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

// at is the value with this index.
func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

// remove frees an index. With the last one all memory goes: what a crowd needed, nobody may need again.
func (s *slab[T]) remove(i uint32) {
	s.live--
	*s.at(i) = *new(T)
	if s.live == 0 {
		*s = slab[T]{}
		return
	}
	s.free = append(s.free, i)
}
