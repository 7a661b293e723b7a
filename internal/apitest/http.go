package apitest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// openapi and asyncapi are read once for all tests.
var (
	openapi  = sync.OnceValue(func() *document { return load("openapi.yaml") })
	asyncapi = sync.OnceValue(func() *document {
		d := load("asyncapi.yaml")
		d.add("openapi.yaml", openapi().root) // it refers to schemas of this one
		return d
	})
)

// Transport compares all answers with the documents.
type Transport struct {
	http.RoundTripper
	T        testing.TB
	BasePath string // of the gateway
	Ops      string // paths below it are of the operators' listener
}

// RoundTrip is that of [http.RoundTripper].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	asked := t.request(req)
	if err := asked.taken(req, resp); err != nil {
		t.T.Errorf("%.200s took what docs/openapi.yaml does not allow: %v", asked, err)
	}
	body, err := asked.answered(resp)
	if err != nil {
		t.T.Errorf("%.200s: %v", asked, err)
		return resp, nil
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") && resp.StatusCode == http.StatusOK {
		resp.Body = &events{ReadCloser: resp.Body, failed: func(err error) { t.T.Errorf("%.200s: %v", asked, err) }}
	}
	if body != "" {
		check := func(text []byte) error { return openapi().validateJSON(body, text) }
		resp.Body = &recorder{ReadCloser: resp.Body, end: check, failed: func(err error) { t.T.Errorf("%.200s: %d: %v", asked, resp.StatusCode, err) }}
	}
	return resp, nil
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections].
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// request is what a test has asked for.
type request struct {
	method, path string
	ops          bool
}

// request returns what a request asks for, without the prefix of its listener.
func (t *Transport) request(req *http.Request) request {
	path, ops := strings.CutPrefix(req.URL.Path, strings.TrimSuffix(t.Ops, "/"))
	if !ops {
		var below bool
		path, below = strings.CutPrefix(path, t.BasePath)
		if !below && !slices.Contains(outsideBase, path) {
			path = "/outside" + path // there is nothing
		}
	}
	return request{req.Method, "/" + strings.TrimPrefix(path, "/"), ops}
}

// outsideBase are the paths that are served above the base path too.
var outsideBase = []string{"", "/", "/live", "/ready"}

func (r request) String() string {
	if r.ops {
		return r.method + " " + r.path + " of operators"
	}
	return r.method + " " + r.path
}

// taken compares the body of a request that succeeded with the document, if it says what the body is.
func (r request) taken(req *http.Request, resp *http.Response) error {
	item, _ := r.item()
	_, schema := openapi().at(item + "/" + strings.ToLower(r.method) + "/requestBody/content/application~1json/schema")
	if schema == "" || resp.StatusCode/100 != 2 || req.GetBody == nil {
		return nil
	}
	body, err := req.GetBody()
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if err := openapi().validateJSON(schema, text); err != nil {
		return fmt.Errorf("%w in %.300q", err, text)
	}
	return nil
}

// answered compares the head of an answer with the document, and returns the pointer of the schema of its body; "": there is none.
func (r request) answered(resp *http.Response) (string, error) {
	d := openapi()
	var response string
	item, known := r.item()
	method := strings.ToLower(r.method)
	if d.object(item+"/get") != nil && (method == "head" && resp.StatusCode != http.StatusMethodNotAllowed || method == "options" && d.object(item)["servers"] != nil) {
		method = "get"
	}
	operation := item + "/" + method
	status := strconv.Itoa(resp.StatusCode)
	switch {
	case resp.StatusCode == http.StatusBadRequest && resp.Header.Get("Content-Type") == "text/plain; charset=utf-8", resp.StatusCode == http.StatusRequestHeaderFieldsTooLarge:
		return "", nil // the head cannot be read, so there is neither path nor method
	case method == "options":
		return "", nil // a preflight, whose headers the tests of origins compare
	case !known && resp.StatusCode == http.StatusNotFound:
		_, response = d.at("/components/responses/NotFound")
	case d.object(operation) == nil && resp.StatusCode == http.StatusMethodNotAllowed:
		_, response = d.at("/components/responses/NoMethod")
	case d.object(operation+"/responses/"+status) != nil:
		d.note(operation + "/responses/" + status)
		_, response = d.at(operation + "/responses/" + status)
	default:
		_, response = d.at("/components/responses/Other")
	}
	d.note(response)
	for name := range d.object(response + "/headers") {
		header, at := d.at(response + "/headers/" + name)
		values := resp.Header.Values(name)
		if len(values) == 0 && child(header, "required") == true {
			return "", fmt.Errorf("%d without header %s", resp.StatusCode, name)
		}
		for _, value := range values {
			if err := d.validate(at+"/schema", value); err != nil {
				return "", fmt.Errorf("%d: header %s: %w", resp.StatusCode, name, err)
			}
		}
	}
	content := d.object(response)["content"]
	if content == nil || resp.StatusCode == http.StatusNoContent || r.method == http.MethodHead {
		return "", nil
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || child(content, escape(kind)) == nil {
		return "", fmt.Errorf("%d with Content-Type %q is not in docs/openapi.yaml", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	if child(child(content, escape(kind)), "schema") == nil {
		return "", nil
	}
	_, at := d.at(response + "/content/" + escape(kind) + "/schema")
	return at, nil
}

// item returns the pointer of the path item that describes a path.
func (r request) item() (string, bool) {
	d := openapi()
	segments := strings.Split(r.path, "/")
	for _, path := range paths() {
		item := "/paths/" + escape(path)
		if slices.EqualFunc(strings.Split(path, "/"), segments, func(template, segment string) bool {
			return template == segment || strings.HasPrefix(template, "{") && d.fits(item, strings.Trim(template, "{}"), segment)
		}) && d.of(item, r.ops) {
			return item, true
		}
	}
	return "/paths/none", false
}

// paths are those of docs/openapi.yaml; those with a template come last.
var paths = sync.OnceValue(func() []string { return slices.Sorted(maps.Keys(openapi().object("/paths"))) })

// of tells whether a path item belongs to a listener: the operators', or the public one.
func (d *document) of(item string, ops bool) bool {
	servers, ok := d.object(item)["servers"].([]any)
	if !ok {
		return !ops
	}
	return slices.ContainsFunc(servers, func(s any) bool { return (child(s, "description") == "the operators' listener") == ops })
}

// fits tells whether a segment of a path may be the parameter of this name.
func (d *document) fits(item, name, segment string) bool {
	parameters, _ := d.object(item + "/get")["parameters"].([]any)
	for _, p := range parameters {
		if child(p, "name") == name {
			pattern, _ := child(child(p, "schema"), "pattern").(string)
			return regexp.MustCompile(pattern).MatchString(segment)
		}
	}
	return false
}

// recorder hands a body on, and compares it when all of it was read.
type recorder struct {
	io.ReadCloser
	text   bytes.Buffer
	end    func([]byte) error
	failed func(error)
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	r.text.Write(b[:n])
	if err == io.EOF && r.end != nil {
		if err := r.end(r.text.Bytes()); err != nil {
			r.failed(fmt.Errorf("%w in %.300s", err, r.text.Bytes()))
		}
		r.end = nil
	}
	return n, err
}
