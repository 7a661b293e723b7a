package sse

import (
	"bytes"
	"encoding/json"
)

// ParseVersion reads the data of a version event. If project and version come first, as gateways write them, it allocates
// nothing. It reads any other order of fields too.
func ParseVersion(data []byte) (project []byte, v int64, ok bool) {
	if rest, found := bytes.CutPrefix(data, []byte(`{"project":"`)); found {
		if name, _, v, ok := pair(rest, `","version":`); ok {
			return name, v, true
		}
	}
	var said struct {
		Project string
		Version *int64
	}
	if json.Unmarshal(data, &said) != nil || said.Version == nil {
		return nil, 0, false
	}
	return []byte(said.Project), *said.Version, true
}

// pair reads a name, the text between, and a whole number. rest begins after the number, with a comma or a closing brace. A
// number that continues in another way is left to the JSON parser.
func pair(b []byte, between string) (name, rest []byte, v int64, ok bool) {
	quote := bytes.IndexByte(b, '"')
	if quote < 0 || bytes.IndexByte(b[:quote], '\\') >= 0 {
		return nil, nil, 0, false
	}
	number, found := bytes.CutPrefix(b[quote:], []byte(between))
	if !found {
		return nil, nil, 0, false
	}
	end := bytes.IndexAny(number, ",}")
	if end < 0 {
		return nil, nil, 0, false
	}
	v, ok = ParseDecimal(number[:end])
	if number[0] == '0' && end > 1 {
		ok = false
	}
	return b[:quote], number[end:], v, ok
}

// ParseHello reads the data of a hello. It calls each for every version in it, and returns how many projects the stream does
// not get, because they are denied or off. The common case allocates nothing.
func ParseHello(data []byte, each func(project []byte, v int64)) (kept int, ok bool) {
	if bytes.Contains(data, []byte(`"denied":[]`)) && bytes.Contains(data, []byte(`"off":[]`)) {
		if rest, ok := parseVersions(data, nil); ok { // check everything before each is called, so that no version counts twice
			parseVersions(rest, each)
			return 0, true
		}
	}
	var said struct {
		Versions    map[string]int64
		Denied, Off []string
	}
	if json.Unmarshal(data, &said) != nil || said.Versions == nil {
		return 0, false
	}
	for name, v := range said.Versions {
		each([]byte(name), v)
	}
	return len(said.Denied) + len(said.Off), true
}

// parseVersions reads the object "versions". A quote inside a JSON string has a backslash before it, so the bytes searched for
// are nowhere else.
func parseVersions(data []byte, each func([]byte, int64)) (from []byte, ok bool) {
	i := bytes.Index(data, []byte(`"versions":{`))
	if i < 0 {
		return nil, false
	}
	from = data[i:]
	rest := from[len(`"versions":{`):]
	if len(rest) > 0 && rest[0] == '}' {
		return from, true
	}
	for len(rest) > 0 && rest[0] == '"' {
		name, after, v, ok := pair(rest[1:], `":`)
		if !ok || len(after) == 0 {
			return nil, false
		}
		if each != nil {
			each(name, v)
		}
		if after[0] == '}' {
			return from, true
		}
		rest = after[1:]
	}
	return nil, false
}

// Closing is the data of a goodbye.
type Closing struct {
	Reason   string
	AfterMS  int64 `json:"after_ms"`
	SpreadMS int64 `json:"spread_ms"`
}

func ParseGoodbye(data []byte) (Closing, bool) {
	var f Closing
	if json.Unmarshal(data, &f) != nil || f.Reason == "" || f.AfterMS < 0 || f.SpreadMS < 0 {
		return Closing{}, false
	}
	return f, true
}

// ParseDecimal reads digits without allocating a string.
func ParseDecimal(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
