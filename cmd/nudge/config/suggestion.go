package config

import "strings"

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
