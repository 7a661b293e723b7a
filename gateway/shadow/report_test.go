package shadow

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseReport(t *testing.T) {
	many := ""
	for i := range maxProjects + 1 {
		many += fmt.Sprintf(`,"%d":0`, i)
	}
	for body, complaint := range map[string]string{
		example:                           "",
		`{"polls":1,"projects":{"42":0}}`: "",
		`{"polls":60,"empty":0,"news":60,"missed":60,"projects":{"42":60}}`: "",
		`{"polls":1,"projects":{"42":0},"later":{}}`:                        "", // a later version's
		`{`:                                  "not JSON",
		`[]`:                                 "array",
		`{}`:                                 "says nothing",
		`{"polls":1}`:                        "says nothing",
		`{"polls":0,"projects":{"42":0}}`:    "says nothing",
		`{"polls":61,"projects":{"42":0}}`:   "polls: 61 is not from 0 to 60",
		`{"polls":-1,"projects":{"42":0}}`:   "polls: -1",
		`{"polls":1.5,"projects":{"42":0}}`:  "polls",
		`{"polls":9e99,"projects":{"42":0}}`: "polls",
		`{"polls":2,"empty":3,"projects":{"42":0}}`:                       "empty: 3 is not from 0 to 2",
		`{"polls":2,"empty":-1,"projects":{"42":0}}`:                      "empty: -1",
		`{"polls":2,"empty":1,"news":2,"projects":{"42":0}}`:              "news: 2 is not from 0 to 1",
		`{"polls":2,"news":1,"missed":2,"projects":{"42":0}}`:             "missed: 2",
		`{"polls":2,"news":1,"lead_ms":3600001,"projects":{"42":0}}`:      "lead_ms",
		`{"polls":2,"news":1,"missed":1,"lead_ms":1,"projects":{"42":0}}`: "lead_ms",
		`{"polls":2,"news":2,"missed":1,"projects":{"42":2}}`:             "2 missed of 42",
		`{"polls":2,"projects":{"42":-1}}`:                                "-1 missed of 42",
		`{"polls":2,"projects":{"4 2":0}}`:                                "project",
		`{"polls":2,"projects":{` + many[1:] + `}}`:                       "projects: 65",
	} {
		_, err := ParseReport([]byte(body))
		if complaint == "" && err != nil || complaint != "" && (err == nil || !strings.Contains(err.Error(), complaint)) {
			t.Errorf("%.80s: %v, want %q", body, err, complaint)
		}
	}
}
