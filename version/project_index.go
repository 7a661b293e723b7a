package version

import "hash/maphash"

// Index is a small number, from 1 on, that identifies a project while it is on the board. After the project is dropped,
// another one may get the number. So data of each project can be in a slice by Index, instead of a map by name.
type Index uint32

// indices finds the index of a project: a hash table with linear probing. A map would hold each name once more, and take
// 33 B for each project instead of 8.
type indices struct {
	seed  maphash.Seed
	slots []Index // 0: free. A power of two, of which a quarter at least is free
	used  int
	name  func(Index) string // of a project in the table
}

func newIndices(name func(Index) string) indices {
	return indices{maphash.MakeSeed(), make([]Index, 8), 0, name}
}

// find returns the index of p, and the slot where the index is or belongs; 0: p has no index.
func (x *indices) find(p Project) (i Index, slot int) {
	for slot = x.home(p.id); ; slot = x.after(slot) {
		if i = x.slots[slot]; i == 0 || x.name(i) == p.id {
			return i, slot
		}
	}
}

func (x *indices) home(name string) int {
	return int(maphash.String(x.seed, name) & uint64(len(x.slots)-1))
}

func (x *indices) after(slot int) int { return (slot + 1) & (len(x.slots) - 1) }

// add adds the index of a project that has none yet.
func (x *indices) add(p Project, i Index) {
	if x.used++; 4*x.used > 3*len(x.slots) {
		before := x.slots
		x.slots = make([]Index, 2*len(before))
		for _, i := range before {
			if i != 0 {
				_, slot := x.find(Project{x.name(i)})
				x.slots[slot] = i
			}
		}
	}
	_, slot := x.find(p)
	x.slots[slot] = i
}

// remove removes the index in a slot. Later indices that were displaced by it move up.
func (x *indices) remove(slot int) {
	x.used--
	mask := len(x.slots) - 1
	for next := x.after(slot); x.slots[next] != 0; next = x.after(next) {
		if home := x.home(x.name(x.slots[next])); (next-home)&mask >= (next-slot)&mask {
			x.slots[slot] = x.slots[next]
			slot = next
		}
	}
	x.slots[slot] = 0
}
