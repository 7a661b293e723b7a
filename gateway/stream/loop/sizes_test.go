package loop

import (
	"testing"
	"unsafe"
)

// A stream's record and a project's are as large as docs/capacity.md says.
func TestSizes(t *testing.T) {
	if r, s := unsafe.Sizeof(record{}), unsafe.Sizeof(subscription{}); r != 52 || s != 32 {
		t.Errorf("%d bytes for a stream, %d for each of its projects", r, s)
	}
	if n := unsafe.Sizeof(Arrival{}); n > 128 {
		t.Errorf("%d bytes for an arrival: Add allocates once more", n)
	}
}
