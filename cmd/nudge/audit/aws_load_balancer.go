package audit

import (
	"bytes"
	"time"
)

// parseALB reads the access logs of an AWS application load balancer:
//
//	https 2026-11-26T10:00:00.186641Z app/name/id 192.0.2.1:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://…" "agent" …
func parseALB(line []byte, r *Request) bool {
	head, rest, ok := bytes.Cut(line, []byte(` "`))
	if !ok {
		return false
	}
	words := bytes.Fields(head)
	if len(words) != 12 {
		return false
	}
	when, err := time.Parse(time.RFC3339Nano, string(words[1]))
	if err != nil {
		return false
	}
	if r.Status, ok = number(words[8]); !ok {
		return false
	}
	colon := bytes.LastIndexByte(words[3], ':')
	if colon < 0 {
		return false
	}
	r.Time, r.Client, r.Bytes = when, words[3][:colon], byteCount(words[11])
	request, rest := quoted(rest)
	if !requestLine(request, r) {
		return false
	}
	if _, after, ok := bytes.Cut(r.Target, []byte("://")); ok { // it names the whole URL
		slash := bytes.IndexByte(after, '/')
		if slash < 0 {
			r.Target = []byte("/")
		} else {
			r.Target = after[slash:]
		}
	}
	r.Agent = nil
	if _, rest, ok = bytes.Cut(rest, []byte(`"`)); ok {
		r.Agent, _ = quoted(rest)
	}
	return true
}
