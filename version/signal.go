package version

// Signal wakes one goroutine. It carries no data: what there is to do stands elsewhere, under a lock.
type Signal chan struct{}

// NewSignal returns a signal that is not set.
func NewSignal() Signal { return make(Signal, 1) }

// Set makes the next receive from s return at once. It does not block; a second call before that changes nothing.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}
