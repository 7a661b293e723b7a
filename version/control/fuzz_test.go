package control

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

// Whatever is in the hash: an entry that is read is written back as it was read, and an error is one short line for the log.
func FuzzControl(f *testing.F) {
	ann := Revocation{Subject: "ann", Until: noon}
	for _, text := range []string{
		`"enabled":true}`, `"enabled":false,"percent":10,"ramp_ms":1500}`, `"clear":true}`, `"enabled":true,"percent":-1}`, `"enabled":null}`,
		`"Enabled":true}`, `"enabled":true,"enabled":false}`, `"enabled":true,"ramp_ms":1e400}`, `"enabled":true,"percent":1.0}`, `}`, "",
		`"enabled":true,"more":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`,
	} {
		f.Add("flag", int64(7), int64(1795539600123), text)
	}
	for _, r := range []Revocation{
		ann, {ID: "7f", Until: noon}, {Before: noon, Until: noon}, {Subject: "\"\u2028\n\x00", ID: "é", Until: noon},
	} {
		f.Add(r.field(), int64(9), int64(1795539600123), r.text())
		f.Add(ann.field(), int64(9), int64(1), r.text())
	}
	f.Add("revoke:\n\x1b[31m", int64(9), int64(1), `"until_ms":1,"sub":"a"}`)
	f.Add("revoke:0", int64(-1), int64(-1), `"until_ms":9007199254740993,"project":"4\n2","sub":"a"}`)
	f.Fuzz(func(t *testing.T, field string, seq, ms int64, text string) {
		read, seqs, err := Decode([]string{field, fmt.Sprint(seq), fmt.Sprint(ms), text})
		if err != nil {
			if !reflect.DeepEqual(read, Entries{}) {
				t.Fatalf("%q %q is read in spite of %v", field, text, err)
			}
			if said := err.Error(); len(said) > 4*maxEntry && len(text) <= maxEntry || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Fatalf("an error that is no short line: %q", said)
			}
			return
		}
		for _, c := range read.Lost(nil) {
			if c.Field != field {
				t.Fatalf("it was in %q, and is written to %q", field, c.Field)
			}
			again, _, err := Decode([]string{c.Field, fmt.Sprint(c.Seq), fmt.Sprint(c.Time.UnixMilli()), c.Text})
			if err != nil || !reflect.DeepEqual(again, read) {
				t.Fatalf("%q %q reads as %+v, and is written back as %+v, %v", field, text, read, again, err)
			}
			if len(c.Text) > maxEntry-maxBeginning || strings.ContainsAny(c.Text, "\r\n\x00") {
				t.Fatalf("%q is written back as %q", text, c.Text)
			}
		}
		if len(seqs) > 1 {
			t.Fatalf("%v", seqs)
		}
	})
}
