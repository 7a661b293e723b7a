package version

import "testing"

const recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A message carries the trace of its publisher, if it is recorded. Whatever else is there changes nothing about the news.
func TestTraces(t *testing.T) {
	p, err := ParseProject("42")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Trace{
		`"` + recorded + `"`: recorded,
		`"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"`: "", // not recorded
		`"00-00000000000000000000000000000000-b7ad6b7169203331-01"`: "",
		`"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"`: "",
		`"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"`: "",
		`"` + recorded + `-x"`: "", `"x"`: "", `""`: "", `7`: "", `{}`: "", `null`: "",
	} {
		n, err := Decode(p, []byte(`{"version":7,"traceparent":`+text+`}`))
		if err != nil || n.Version != 7 || n.Trace != want {
			t.Errorf("%s: %+v, %v; want the trace %q", text, n, err, want)
		}
		again, err := Decode(p, n.Message())
		if err != nil || again.Version != n.Version || again.Trace != n.Trace {
			t.Errorf("%s: %s is read as %+v, %v", text, n.Message(), again, err)
		}
		var posted News
		if err := posted.UnmarshalJSON([]byte(`{"project":"42","version":7,"traceparent":` + text + `}`)); err != nil || posted.Trace != want {
			t.Errorf("POST %s: %+v, %v", text, posted, err)
		}
		if extras := n.AppendExtras(nil); len(extras) > 0 {
			t.Errorf("browsers get %s", extras)
		}
	}
}

// A message may say when it was sent. What is no such time changes nothing about the news; who publishes over HTTP hears of it.
func TestSent(t *testing.T) {
	p, err := ParseProject("42")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int64{
		"1790000000000": 1_790_000_000_000, "1": 1, "null": 0, "0": 0, "-5": 0, "1.5": 0, `"now"`: 0, "{}": 0, "1e300": 0,
	} {
		n, err := Decode(p, []byte(`{"version":7,"sent_ms":`+text+`}`))
		if err != nil || n.Version != 7 || n.Sent.IsZero() != (want == 0) || want > 0 && n.Sent.UnixMilli() != want {
			t.Errorf("%s: %+v, %v", text, n, err)
		}
		again, err := Decode(p, n.Message())
		if err != nil || again.Version != n.Version || !again.Sent.Equal(n.Sent) {
			t.Errorf("%s: %s is read as %+v, %v", text, n.Message(), again, err)
		}
		var posted News
		if err := posted.UnmarshalJSON([]byte(`{"project":"42","version":7,"sent_ms":` + text + `}`)); (err == nil) != (want > 0 || text == "null") {
			t.Errorf("POST %s: %v", text, err)
		}
	}
}
