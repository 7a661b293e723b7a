package doctor

import (
	"net/url"
	"strings"
	"testing"
)

func TestOtherSite(t *testing.T) {
	for _, tc := range []struct {
		gateway, page string
		other         bool
	}{
		{"http://127.0.0.1:8080", "http://localhost:3000", true},
		{"http://localhost:8080", "http://127.0.0.1:3000", true},
		{"https://10.0.0.7", "https://app.example.com", true},
		{"http://127.0.0.1:8080", "http://127.0.0.1:3000", false}, // ports do not make sites
		{"https://push.example.com", "https://app.example.com", false},
		{"https://push.example.net", "https://app.example.com", false}, // it may be, and nothing here knows
	} {
		u, err := url.Parse(tc.gateway)
		if err != nil {
			t.Fatal(err)
		}
		x := &exam{Options: Options{URL: u}, origin: tc.page}
		if said := x.otherSite(); strings.Contains(said, "another site") != tc.other {
			t.Errorf("a page of %s and the gateway %s: %q", tc.page, tc.gateway, said)
		}
	}
}
