package config

import (
	"reflect"
	"slices"
	"strings"
)

// A setting is one key of the configuration: a leaf of Config.
type setting struct {
	key    string // poll.fast
	env    string // NUDGE_POLL_FAST
	field  []int  // where it is in Config, for reflect
	typ    reflect.Type
	secret bool // never to be shown
	url    bool // a secret of which all but the credentials may be shown
	file   bool // the name of a file
}

const envPrefix = "NUDGE_"

// settings lists every key, in the order of Config and so of config.yaml. Every other list of keys is derived from it.
var settings = settingsOf(reflect.TypeFor[Config](), "", nil)

// settingByKey finds a setting by its dotted key.
var settingByKey = func() map[string]setting {
	byKey := make(map[string]setting, len(settings))
	for _, s := range settings {
		byKey[s.key] = s
	}
	return byKey
}()

func settingsOf(t reflect.Type, above string, path []int) []setting {
	var list []setting
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Tag.Get("mapstructure") == "-" {
			continue
		}
		key := join(above, field.Tag.Get("mapstructure"))
		at := append(slices.Clone(path), i)
		if field.Type.Kind() == reflect.Struct {
			list = append(list, settingsOf(field.Type, key, at)...)
			continue
		}
		list = append(list, setting{
			key:    key,
			env:    envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_")),
			field:  at,
			typ:    field.Type,
			secret: field.Tag.Get("secret") != "",
			url:    field.Tag.Get("secret") == "url",
			file:   field.Tag.Get("file") == "true",
		})
	}
	return list
}

// in returns the setting's value in c.
func (s setting) in(c *Config) reflect.Value {
	return reflect.ValueOf(c).Elem().FieldByIndex(s.field)
}

// same tells whether a and b agree on this setting, and on what is in the file that it names.
func (s setting) same(a, b *Config) bool {
	return (!s.file || a.Files.Sums[s.key] == b.Files.Sums[s.key]) && reflect.DeepEqual(s.in(a).Interface(), s.in(b).Interface())
}

// isSection tells whether key has keys below it.
func isSection(key string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool {
		return strings.HasPrefix(s.key, key+".")
	})
}

// keysBelow lists the last words of the keys directly below a section, "" for
// the top.
func keysBelow(section string) []string {
	var names []string
	for _, s := range settings {
		rest := s.key
		if section != "" {
			var inside bool
			if rest, inside = strings.CutPrefix(s.key, section+"."); !inside {
				continue
			}
		}
		name, _, _ := strings.Cut(rest, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func join(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

// nearestKey returns the known key or section that was probably meant: a few letters off, or the right word in the wrong
// section. "" if none is near.
func nearestKey(key string) string {
	if len(key) > 64 {
		return "" // no slip of a finger, and the search is slow
	}
	word := lastWord(key)
	best, least := "", max(2, len(word)/2)+1
	consider := func(known string) {
		distance := editDistance(key, known)
		if lastWord(known) == word {
			distance = min(distance, 1)
		}
		if distance < least {
			best, least = known, distance
		}
	}
	for _, s := range settings {
		if section, _, nested := strings.Cut(s.key, "."); nested {
			consider(section)
		}
		consider(s.key)
	}
	return best
}

func lastWord(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// editDistance counts the letters to insert, delete or replace to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
