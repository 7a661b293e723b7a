package audit

import (
	"bytes"
	"time"
)

// parseLograge reads what lograge writes for Rails, behind the time that Ruby's logger or the line itself gives:
//
//	I, [2026-11-26T10:00:00.123456 #4]  INFO -- : method=GET path=/poll format=json status=304 duration=4.31 remote_ip=192.0.2.1
func parseLograge(line []byte, r *Request) bool {
	at := bytes.Index(line, []byte("method="))
	if at < 0 {
		return false
	}
	r.Client, r.Agent, r.Target, r.Status, r.Bytes = nil, nil, nil, 0, -1
	timed := logTime(line[:at], &r.Time)
	for rest := line[at:]; len(rest) > 0; {
		var key, value []byte
		var ok bool
		if key, rest, ok = bytes.Cut(bytes.TrimLeft(rest, " "), []byte("=")); !ok {
			break
		}
		if len(rest) > 0 && rest[0] == '"' {
			value, rest = quoted(rest[1:])
		} else {
			value, rest, _ = bytes.Cut(rest, []byte(" "))
		}
		switch string(key) {
		case "method":
			r.Method = value
		case "path", "fullpath":
			if len(value) > len(r.Target) { // the full path has the query
				r.Target = value
			}
		case "status":
			r.Status, _ = number(value)
		case "remote_ip", "ip", "client_ip", "host_ip":
			r.Client = value
		case "user_agent", "ua":
			r.Agent = value
		case "size", "bytes", "response_size", "content_length":
			r.Bytes = byteCount(value)
		case "time", "timestamp", "@timestamp":
			if when, ok := looseTime(value); ok {
				r.Time, timed = when, true
			}
		}
	}
	return timed && r.Status > 0 && len(r.Target) > 0
}

// logTime finds a time in what stands before the first key, as in "I, [2026-11-26T10:00:00.123456 #4]".
func logTime(s []byte, t *time.Time) bool {
	for _, word := range bytes.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '[' || c == ']' || c == ',' }) {
		if when, ok := looseTime(word); ok {
			*t = when
			return true
		}
	}
	return false
}

// looseTime reads a time as RFC 3339 has it; without a zone it is UTC.
func looseTime(s []byte) (time.Time, bool) {
	if len(s) < len("2026-11-26T10:00:00") || s[4] != '-' {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
		if when, err := time.Parse(layout, string(s)); err == nil {
			return when, true
		}
	}
	return time.Time{}, false
}
