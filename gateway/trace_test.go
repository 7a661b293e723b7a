package gateway_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"nudge/gateway"
	"nudge/version"
)

const (
	traceOfPublisher = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	traceOfReceipt   = "00-0af7651916cd43dd8448eb211c80319c-a3ce929d0e0e4736-01"
	traceOfGateway   = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
)

// traces writes down what a gateway records.
type traces struct {
	mu   sync.Mutex
	told []string
}

func (s *traces) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, what)
}

func (s *traces) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := strings.Join(s.told, " ")
	s.told = nil
	return told
}

func (s *traces) Publish(p version.Project, t version.Trace) (version.Trace, func(error)) {
	s.note("publish:" + p.String() + ":" + string(t[36:52]))
	return traceOfGateway, func(error) { s.note("published") }
}

func (s *traces) Received(c version.Change) (version.Trace, func()) {
	s.note("receive:" + c.Project.String() + ":" + string(c.Extras.Trace[36:52]))
	return traceOfReceipt, func() { s.note("delivered") }
}

// What a publisher records is recorded until it was written to streams, and pages get the trace of what they poll for.
func TestTraces(t *testing.T) {
	s := &traces{}
	bubble(t, func(o *gateway.Options) { o.Tracer = s }, func(t *testing.T, r *rig) {
		p := r.open("/events?project=42", as("ann", "*"))
		p.find("hello")
		publish := func(body string, headers ...string) (told string) {
			if a := r.post("/versions", body, append(headers, publisher("*"))...); a.StatusCode != 200 {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			e := p.find("version")
			synctest.Wait()
			told = s.take()
			if got, _ := e.json(t)["traceparent"].(string); got != "" != (told != "") || got != "" && got != traceOfReceipt {
				t.Errorf("%s: the page gets the trace %q", body, got)
			}
			return told
		}
		const all = "delivered publish:42:b7ad6b7169203331 published receive:42:00f067aa0ba902b7"
		sorted := func(told string) string { // the answer to the publisher may be later than the event
			words := strings.Fields(told)
			slices.Sort(words)
			return strings.Join(words, " ")
		}
		if got := sorted(publish(`{"project":"42","version":1,"traceparent":"` + traceOfPublisher + `"}`)); got != all {
			t.Errorf("in the message: %q", got)
		}
		if got := sorted(publish(`{"project":"42","version":2}`, "Traceparent: "+traceOfPublisher)); got != all {
			t.Errorf("in the request: %q", got)
		}
		if got := publish(`{"project":"42","version":3}`, "Traceparent: "+strings.TrimSuffix(traceOfPublisher, "1")+"0"); got != "" {
			t.Errorf("not recorded: %q", got)
		}
		if got := publish(`{"project":"42","version":4}`); got != "" {
			t.Errorf("without: %q", got)
		}
	})
}

// Without a tracer pages get no trace, whatever publishers send.
func TestTracingIsOff(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		p := r.open("/events?project=42", as("ann", "*"))
		p.find("hello")
		r.post("/versions", `{"project":"42","version":1,"traceparent":"`+traceOfPublisher+`"}`, publisher("*"))
		p.find("version")
		if strings.Contains(p.text(), "0af7651916cd43dd") {
			t.Errorf("the page got the trace: %s", p.text())
		}
	})
}
