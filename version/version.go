package version

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Max is the greatest version: the greatest integer that JSON numbers and JavaScript hold exactly.
const Max Version = 1<<53 - 1

// Version is a project's version, 0 … [Max]. It only grows, except by a reset.
type Version int64

// ParseVersion reads a bare decimal integer: no sign, no leading zero, no fraction, no exponent.
func ParseVersion(s string) (Version, error) {
	if s == "" {
		return 0, fmt.Errorf("the version is empty; write an integer from 0 to %d", Max)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("version %.40q is not a bare integer; write digits only, from 0 to %d", s, Max)
		}
	}
	if s[0] == '0' && len(s) > 1 {
		return 0, fmt.Errorf("version %.40q has a leading zero; write %.40s", s, cmp.Or(strings.TrimLeft(s, "0"), "0"))
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || Version(n) > Max {
		return 0, fmt.Errorf("version %.40s is too large; %d is the greatest", s, Max)
	}
	return Version(n), nil
}

func (v Version) valid() bool { return v >= 0 && v <= Max }

// Mark is a project with a version, written 42@124, or 42 if the version is not known.
type Mark struct {
	Project Project
	Version Version
	Known   bool // whether Version means anything
}

// ParseMark reads 42@124 or 42.
func ParseMark(s string) (Mark, error) {
	id, number, known := s, "", false
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		id, number, known = s[:at], s[at+1:], true
	}
	p, err := ParseProject(id)
	if err != nil {
		return Mark{}, err
	}
	if !known {
		return Mark{Project: p}, nil
	}
	v, err := ParseVersion(number)
	if err != nil {
		return Mark{}, fmt.Errorf("project %s: %w (an id contains no @)", p, err)
	}
	return Mark{p, v, true}, nil
}

// String is the form that [ParseMark] reads.
func (m Mark) String() string {
	if !m.Known {
		return m.Project.id
	}
	return m.Project.id + "@" + strconv.FormatInt(int64(m.Version), 10)
}
