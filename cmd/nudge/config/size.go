package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size int64

// The units of a Size. In text they are B, KiB, MiB, kB and MB.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
)

var sizeUnits = []struct {
	name  string
	bytes Size
}{
	{"MiB", MiB}, {"MB", 1_000_000}, {"KiB", KiB}, {"kB", 1000}, {"B", 1},
}

// String returns the size in the largest unit that needs no fraction, such as
// 64KiB; ParseSize reads it back.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if s != 0 && s%unit.bytes == 0 {
			return strconv.FormatInt(int64(s/unit.bytes), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// ParseSize reads a whole number and its unit, such as 64KiB. It is an error if there is no unit, a sign, a fraction, or
// more than 2^53 bytes.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "BKMikGTPEb ")
	name := strings.TrimLeft(text[len(digits):], " ")
	number, ok := parseDigits(digits)
	if !ok || number < 0 {
		return 0, fmt.Errorf("size %q is not a whole number with a unit", text)
	}
	for _, unit := range sizeUnits {
		if unit.name != name {
			continue
		}
		if number > (1<<53)/int64(unit.bytes) {
			return 0, fmt.Errorf("size %q is too large", text)
		}
		return Size(number) * unit.bytes, nil
	}
	return 0, fmt.Errorf("size %q has no known unit", text)
}
