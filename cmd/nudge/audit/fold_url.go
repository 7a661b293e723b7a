package audit

import (
	"bytes"
	"slices"
)

// shape folds a target: ids in the path become ":id", the query keeps its names only. what is the target without those values
// that change from poll to poll (since=123): two requests with the same what ask for the same thing. Both are appended to
// their buffers.
func shape(target, shaped, what []byte) (_, _ []byte) {
	path, query, _ := bytes.Cut(target, []byte("?"))
	path, _, _ = bytes.Cut(path, []byte("#"))
	what = append(what, path...)
	for i, segment := range bytes.Split(path, []byte("/")) {
		if i > 0 {
			shaped = append(shaped, '/')
		}
		name, ext := segment, []byte(nil)
		if dot := bytes.LastIndexByte(segment, '.'); dot > 0 && len(segment)-dot <= 6 {
			name, ext = segment[:dot], segment[dot:]
		}
		if isID(name) {
			shaped = append(append(shaped, ":id"...), ext...)
		} else {
			shaped = append(shaped, segment...)
		}
	}
	if len(query) == 0 {
		return shaped, what
	}
	pairs := bytes.Split(query, []byte("&"))
	slices.SortFunc(pairs, bytes.Compare) // some clients shuffle them
	separator := byte('?')
	for _, pair := range pairs {
		name, _, _ := bytes.Cut(pair, []byte("="))
		if len(name) == 0 {
			continue
		}
		shaped = append(append(append(shaped, separator), name...), '=')
		separator = '&'
		if !changes(name) {
			what = append(append(what, '&'), pair...)
		}
	}
	return shaped, what
}

// isID tells whether a segment of a path names one of many things: a number, a UUID, or letters and digits that nobody chose.
func isID(s []byte) bool {
	digits, hex, letters := 0, 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			hex++
		case c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z' || c == '_':
			letters++
		case c == '-', c == '%', c == ':', c == '=', c == '~':
		default:
			return false
		}
	}
	switch {
	case digits == 0:
		return false
	case hex == 0 && letters == 0:
		return true // 42, 2026-11-26
	case letters == 0 && len(s) >= 8:
		return true // hexadecimal, UUIDs
	default:
		return len(s) >= 12 && digits >= 2 // ULIDs, base64, GlobalIDs
	}
}

// changing are names of parameters that say what a page already has, or only keep caches away.
var changing = [][]byte{
	[]byte("since"), []byte("version"), []byte("after"), []byte("cursor"), []byte("last"), []byte("time"), []byte("stamp"),
	[]byte("seq"), []byte("etag"), []byte("nonce"), []byte("cache"), []byte("rand"), []byte("updated"), []byte("offset"),
	[]byte("revision"), []byte("token"), []byte("signature"),
}

func changes(name []byte) bool {
	switch string(name) {
	case "_", "t", "ts", "v", "r", "n", "from", "now", "cb":
		return true
	}
	lower := bytes.ToLower(name)
	for _, c := range changing {
		if bytes.Contains(lower, c) {
			return true
		}
	}
	return false
}
