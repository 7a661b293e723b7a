package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	listType     = reflect.TypeFor[[]string]()
)

// Only plain digits are accepted. YAML would read 0755 as octal, and 1_000 and 0x10 as numbers; people may read them
// differently.
var plainDigits = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func parseDigits(text string) (int64, bool) {
	if !plainDigits.MatchString(text) {
		return 0, false
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil
}

// Parse reads text as the value of a key, such as poll.fast, and checks its range. The error says what is wrong and what
// to write instead. It is for flags of commands that replace a key. It panics if there is no such key.
func Parse(key, text string) (value any, err error) {
	s, known := settingByKey[key]
	if !known {
		panic("config: no key " + key)
	}
	value, complaint := s.parse(text)
	if complaint != "" {
		return nil, errors.New(complaint)
	}
	c := Default()
	s.in(c).Set(reflect.ValueOf(value))
	for _, p := range c.check(ForCommands) {
		if p.Key == key {
			return nil, errors.New(p.Text)
		}
	}
	return value, nil
}

// parse reads text, from a variable or from a flag, as a value of the setting.
// If that fails, complaint says why and what to write.
func (s setting) parse(text string) (value any, complaint string) {
	switch s.typ {
	case durationType:
		return s.parseDuration(text)
	case sizeType:
		return s.parseSize(text)
	case listType:
		return s.parseList(text)
	case issuersType:
		return parseIssuers(text)
	}
	switch s.typ.Kind() {
	case reflect.Bool:
		return s.parseBool(text)
	case reflect.Int:
		return s.parseInt(text)
	case reflect.Float64:
		return s.parseFloat(text)
	default:
		return text, ""
	}
}

func (s setting) parseDuration(text string) (any, string) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return nil, fmt.Sprintf("%s has no unit; write %ss for seconds", show(text), text)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, show(text) + " is not a duration; write a number with ms, s, m or h, such as 15s"
	}
	return d, ""
}

func (s setting) parseSize(text string) (any, string) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return nil, fmt.Sprintf("%s has no unit; write %sB for bytes", show(text), text)
	}
	size, err := ParseSize(text)
	if err != nil {
		return nil, show(text) + " is not a size; write a whole number with B, KiB, MiB, kB or MB, such as 64KiB"
	}
	return size, ""
}

func (s setting) parseList(text string) (any, string) {
	list := []string{}
	if text == "" {
		return list, ""
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, show(text) + " has an empty entry; write the entries with one comma between them"
		}
		list = append(list, item)
	}
	return list, ""
}

func (s setting) parseBool(text string) (any, string) {
	switch text {
	case "true", "True", "TRUE":
		return true, ""
	case "false", "False", "FALSE":
		return false, ""
	}
	instead := "true or false"
	switch strings.ToLower(text) {
	case "yes", "on", "y", "1":
		instead = "true"
	case "no", "off", "n", "0":
		instead = "false"
	}
	return nil, show(text) + " is not true or false; write " + instead
}

func (s setting) parseInt(text string) (any, string) {
	number, ok := parseDigits(text)
	if !ok || int64(int(number)) != number {
		return nil, show(text) + " is not a whole number; write plain digits, such as " + s.example()
	}
	return int(number), ""
}

func (s setting) parseFloat(text string) (any, string) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xXpP_") {
		return nil, show(text) + " is not a number; write digits, such as " + s.example()
	}
	return number, ""
}

// example returns a value that is valid for the setting: its default.
func (s setting) example() string { return plain(s.in(Default()).Interface()) }

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
