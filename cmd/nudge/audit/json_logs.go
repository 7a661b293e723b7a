package audit

import (
	"encoding/json"
	"math"
	"net"
	"time"
)

// parseCaddy reads Caddy's access log, whose lines are JSON objects with an object "request".
func parseCaddy(line []byte, r *Request) bool {
	var l struct {
		TS      json.RawMessage `json:"ts"`
		Status  int             `json:"status"`
		Size    *int64          `json:"size"`
		Request *struct {
			RemoteIP string              `json:"remote_ip"`
			ClientIP string              `json:"client_ip"`
			Method   string              `json:"method"`
			URI      string              `json:"uri"`
			Headers  map[string][]string `json:"headers"`
		} `json:"request"`
	}
	if !isObject(line) || json.Unmarshal(line, &l) != nil || l.Request == nil || l.Status == 0 && l.Size == nil {
		return false
	}
	var ok bool
	if r.Time, ok = jsonTime(l.TS); !ok {
		return false
	}
	client := l.Request.ClientIP
	if client == "" {
		client = l.Request.RemoteIP
	}
	r.Client, r.Method, r.Target, r.Status = []byte(client), []byte(l.Request.Method), []byte(l.Request.URI), l.Status
	r.Bytes, r.Agent = -1, nil
	if l.Size != nil {
		r.Bytes = *l.Size
	}
	if agent := l.Request.Headers["User-Agent"]; len(agent) > 0 {
		r.Agent = []byte(agent[0])
	}
	return true
}

// parseTraefik reads Traefik's access log in JSON. The user agent is there if the configuration keeps it.
func parseTraefik(line []byte, r *Request) bool {
	var l struct {
		Start  string `json:"StartUTC"`
		Local  string `json:"time"`
		Client string `json:"ClientHost"`
		Addr   string `json:"ClientAddr"`
		Method string `json:"RequestMethod"`
		Path   string `json:"RequestPath"`
		Status int    `json:"DownstreamStatus"`
		Size   *int64 `json:"DownstreamContentSize"`
		Agent  string `json:"request_User-Agent"`
	}
	if !isObject(line) || json.Unmarshal(line, &l) != nil || l.Method == "" || l.Path == "" {
		return false
	}
	stamp := l.Start
	if stamp == "" {
		stamp = l.Local
	}
	when, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return false
	}
	if l.Client == "" {
		l.Client, _, _ = net.SplitHostPort(l.Addr)
	}
	r.Time, r.Client, r.Method, r.Target, r.Status = when, []byte(l.Client), []byte(l.Method), []byte(l.Path), l.Status
	r.Bytes, r.Agent = -1, nil
	if l.Size != nil {
		r.Bytes = *l.Size
	}
	if l.Agent != "" {
		r.Agent = []byte(l.Agent)
	}
	return true
}

func isObject(line []byte) bool { return len(line) > 1 && line[0] == '{' }

// jsonTime reads seconds since 1970, with or without a fraction, or a string as RFC 3339 has it.
func jsonTime(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if json.Unmarshal(raw, &seconds) == nil && seconds > 0 && seconds < 1e11 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)), true
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006/01/02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
