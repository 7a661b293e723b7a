package audit

import (
	"testing"
	"time"
)

// Each line is one as the program writes it in its documentation or in its default configuration.
func TestFormats(t *testing.T) {
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	type want struct {
		client, agent, method, target string
		status                        int
		bytes                         int64
	}
	for _, tt := range []struct {
		name, format, line string
		at                 time.Time
		want               want
	}{
		{
			"nginx combined", "nginx or Apache combined",
			`192.0.2.1 - ann [26/Nov/2026:10:00:00 +0000] "GET /poll?since=3 HTTP/1.1" 304 0 "https://a.test/" "Mozilla/5.0 (X11)"`,
			at,
			want{"192.0.2.1", "Mozilla/5.0 (X11)", "GET", "/poll?since=3", 304, 0},
		},
		{
			"another zone, a user with a space", "nginx or Apache combined",
			`2001:db8::7 - ann bell [26/Nov/2026:12:30:00 +0230] "GET /poll HTTP/2.0" 200 57 "-" "say \"hi\""`,
			at,
			want{"2001:db8::7", `say \"hi\"`, "GET", "/poll", 200, 57},
		},
		{
			"Apache common", "nginx or Apache combined",
			`192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "HEAD /poll HTTP/1.1" 200 -`,
			at,
			want{"192.0.2.1", "", "HEAD", "/poll", 200, 0},
		},
		{
			"Apache vhost_combined", "nginx or Apache combined",
			`a.test:443 192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET /poll HTTP/1.1" 200 5 "-" "curl/8"`,
			at,
			want{"192.0.2.1", "curl/8", "GET", "/poll", 200, 5},
		},
		{
			"a TLS handshake", "nginx or Apache combined",
			`192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "\x16\x03\x01" 400 150 "-" "-"`,
			at,
			want{"192.0.2.1", "-", "", "", 400, 150},
		},
		{
			"ALB", "AWS load balancer (ALB)",
			`https 2026-11-26T10:00:00.000000Z app/a/50dc 192.0.2.1:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 34 366 "GET https://a.test:443/poll?since=3 HTTP/1.1" "curl/7.46.0" ECDHE TLSv1.2 arn "Root=1" "a.test" "arn" 1 2026-11-26T10:00:00.000000Z "forward" "-" "-"`,
			at,
			want{"192.0.2.1", "curl/7.46.0", "GET", "/poll?since=3", 200, 366},
		},
		{
			"Caddy", "Caddy JSON",
			`{"level":"info","ts":1795687200,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","client_ip":"192.0.2.1","proto":"HTTP/2.0","method":"GET","host":"a.test","uri":"/poll?since=3","headers":{"User-Agent":["Mozilla/5.0"]}},"bytes_read":0,"duration":0.01,"size":12,"status":200}`,
			at,
			want{"192.0.2.1", "Mozilla/5.0", "GET", "/poll?since=3", 200, 12},
		},
		{
			"Traefik", "Traefik JSON",
			`{"ClientAddr":"192.0.2.1:5000","ClientHost":"192.0.2.1","DownstreamContentSize":12,"DownstreamStatus":200,"RequestMethod":"GET","RequestPath":"/poll?since=3","StartUTC":"2026-11-26T10:00:00Z","request_User-Agent":"Mozilla/5.0"}`,
			at,
			want{"192.0.2.1", "Mozilla/5.0", "GET", "/poll?since=3", 200, 12},
		},
		{
			"lograge behind Ruby's logger", "Rails lograge",
			`I, [2026-11-26T10:00:00.000000 #4]  INFO -- : [4f1d] method=GET path=/poll format=json controller=PollController action=show status=304 duration=4.31 view=0.00 remote_ip=192.0.2.1`,
			at,
			want{"192.0.2.1", "", "GET", "/poll", 304, -1},
		},
		{
			"lograge with its own time and agent", "Rails lograge",
			`method=GET path=/poll status=200 time=2026-11-26T10:00:00Z ip=192.0.2.1 size=12 user_agent="Mozilla/5.0 (X11)"`,
			at,
			want{"192.0.2.1", "Mozilla/5.0 (X11)", "GET", "/poll", 200, 12},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			matched := 0
			for _, f := range formats {
				var r Request
				if !f.parse([]byte(tt.line), &r) {
					continue
				}
				matched++
				got := want{string(r.Client), string(r.Agent), string(r.Method), string(r.Target), r.Status, r.Bytes}
				if f.Name != tt.format || got != tt.want || !r.Time.Equal(tt.at) {
					t.Errorf("%s reads %+v at %v, want %s %+v at %v", f.Name, got, r.Time, tt.format, tt.want, tt.at)
				}
			}
			if matched != 1 {
				t.Errorf("%d formats read the line, want one", matched)
			}
		})
	}
}

func TestShape(t *testing.T) {
	for _, tt := range []struct{ target, shape, what string }{
		{"/projects/42/changes?since=123", "/projects/:id/changes?since=", "/projects/42/changes"},
		{"/projects/42/changes?since=124", "/projects/:id/changes?since=", "/projects/42/changes"},
		{"/poll?project=42&since=3", "/poll?project=&since=", "/poll&project=42"},
		{"/poll?since=3&project=42", "/poll?project=&since=", "/poll&project=42"},
		{"/api/v2/me.json", "/api/v2/me.json", "/api/v2/me.json"},
		{"/u/550e8400-e29b-41d4-a716-446655440000.json?_=17", "/u/:id.json?_=", "/u/550e8400-e29b-41d4-a716-446655440000.json"},
		{"/b/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/b/:id", "/b/01ARZ3NDEKTSV4RRFFQ69G5FAV"},
		{"/face/deadbeef", "/face/deadbeef", "/face/deadbeef"}, // a word
		{"/", "/", "/"},
		{"*", "*", "*"},
		{"/x?&&=1", "/x", "/x"},
	} {
		shaped, what := shape([]byte(tt.target), nil, nil)
		if string(shaped) != tt.shape || string(what) != tt.what {
			t.Errorf("%s: shape %s, what %s; want %s and %s", tt.target, shaped, what, tt.shape, tt.what)
		}
	}
}

// No line may end the program, whatever a stranger asked for.
func FuzzFormats(f *testing.F) {
	f.Add(`192.0.2.1 - - [26/Nov/2026:10:00:00 +0000] "GET /poll HTTP/1.1" 200 5 "-" "curl/8"`)
	f.Add(`https 2026-11-26T10:00:00Z a 192.0.2.1:1 10.0.0.1:80 0 0 0 200 200 34 366 "GET https:// HTTP/1.1" "x"`)
	f.Add(`{"ts":1,"status":200,"request":{"uri":"/"}}`)
	f.Add(`method=GET path=" status=200 time=2026-11-26T10:00:00Z`)
	f.Fuzz(func(_ *testing.T, line string) {
		a := newReader()
		for _, format := range formats {
			var r Request
			if format.parse([]byte(line), &r) {
				a.add(&r)
				a.add(&r)
			}
		}
		a.end()
	})
}
