package audit

import (
	"bytes"
	"strconv"
	"time"
)

// parseCombined reads the format "combined" of nginx and Apache, and "common", which has no user agent:
//
//	192.0.2.1 - ann [26/Nov/2026:10:00:00 +0000] "GET /poll?since=3 HTTP/1.1" 304 0 "https://…" "Mozilla/5.0 …"
//
// Apache's vhost_combined has the host and port before it.
func parseCombined(line []byte, r *Request) bool {
	before, rest, ok := bytes.Cut(line, []byte(" ["))
	if !ok {
		return false
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`] "`))
	if !ok || !combinedTime(stamp, &r.Time) {
		return false
	}
	words := bytes.Fields(before) // client, identity, user, which may have spaces
	if len(words) < 3 {
		return false
	}
	r.Client = words[0]
	if bytes.IndexByte(r.Client, ':') > 0 && len(words) > 3 && bytes.ContainsAny(words[1], ".:") {
		r.Client = words[1] // vhost_combined
	}
	request, rest := quoted(rest)
	if !requestLine(request, r) {
		return false
	}
	status, rest, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if r.Status, ok = number(status); !ok {
		return false
	}
	size, rest, _ := bytes.Cut(rest, []byte(" "))
	r.Bytes = byteCount(size)
	r.Agent = nil
	if _, rest, ok = bytes.Cut(rest, []byte(`" "`)); ok {
		r.Agent, _ = quoted(rest)
	}
	return true
}

// quoted returns what stands before the next quote that is not escaped, and what follows it.
func quoted(s []byte) (text, rest []byte) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[:i], s[i+1:]
		}
	}
	return s, nil
}

// requestLine reads "GET /path HTTP/1.1".
func requestLine(s []byte, r *Request) bool {
	method, rest, ok := bytes.Cut(s, []byte(" "))
	if !ok {
		return isGarbage(s, r)
	}
	target, _, _ := bytes.Cut(rest, []byte(" "))
	r.Method, r.Target = method, target
	return true
}

// isGarbage takes what servers write for connections that sent no request: "-", nothing, or the bytes of a TLS handshake. The
// line is one of an access log, but tells nothing.
func isGarbage(s []byte, r *Request) bool {
	r.Method, r.Target = nil, nil
	return len(s) == 0 || s[0] == '-' || s[0] == '\\'
}

var months = map[string]time.Month{
	"Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}

// combinedTime reads 26/Nov/2026:10:00:00 +0000. It is ten times as fast as time.Parse, and half of the work without it.
func combinedTime(s []byte, t *time.Time) bool {
	if len(s) != len("26/Nov/2026:10:00:00 +0000") || s[2] != '/' || s[6] != '/' || s[11] != ':' || s[20] != ' ' {
		return false
	}
	month := months[string(s[3:6])]
	day, ok1 := number(s[0:2])
	year, ok2 := number(s[7:11])
	hour, ok3 := number(s[12:14])
	minute, ok4 := number(s[15:17])
	second, ok5 := number(s[18:20])
	zoneHours, ok6 := number(s[22:24])
	zoneMinutes, ok7 := number(s[24:26])
	if month == 0 || !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) {
		return false
	}
	east := time.Duration(zoneHours)*time.Hour + time.Duration(zoneMinutes)*time.Minute
	if s[21] == '-' {
		east = -east
	}
	*t = time.Date(year, month, day, hour, minute, second, 0, time.UTC).Add(-east)
	return true
}

// number reads decimal digits alone.
func number(s []byte) (int, bool) {
	if len(s) == 0 || len(s) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// byteCount reads a number of bytes; "-" is none.
func byteCount(s []byte) int64 {
	if len(s) == 1 && s[0] == '-' {
		return 0
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
