package audit

import "time"

// Request is what a line of an access log says of a request. The byte slices are valid until the next line is read.
type Request struct {
	Time   time.Time
	Client []byte // its address
	Agent  []byte // its user agent; nil if the log has none
	Method []byte
	Target []byte // path and query
	Status int
	Bytes  int64 // of the body, or of the whole answer; −1: unknown
}

// Format is one way to write an access log.
type Format struct {
	Name string
	// parse reads a line into r. False: the line is not of this format.
	parse func(line []byte, r *Request) bool
}

// formats are tried in this order on the first lines of a file.
var formats = []Format{
	{"nginx or Apache combined", parseCombined},
	{"AWS load balancer (ALB)", parseALB},
	{"Caddy JSON", parseCaddy},
	{"Traefik JSON", parseTraefik},
	{"Rails lograge", parseLograge},
}

// Formats returns the names of all formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}
