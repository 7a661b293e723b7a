package control

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"nudge/version"
)

// maxEntry bounds what a field of the control hash may hold, in bytes, so that a gateway can read all of it at once;
// control.lua has the same number. maxBeginning is what of it the sequence number and the time take at most.
const (
	maxEntry     = 800
	maxBeginning = 60
)

//go:embed control.lua
var script string

// Script is the Lua script that reads and writes the hash. Its arguments stand at its head.
func Script() string { return script }

// FlagArgs are the arguments of the script that set an override; nil ends it.
func FlagArgs(o *Override) []any { return []any{flagField, FlagEntry{Override: o}.text()} }

// Args are the arguments of the script that store r.
func (r Revocation) Args() []any { return []any{r.field(), r.text()} }

// Lost are the arguments of the script that write back each entry of c that the hash lacks, or has with a lower
// sequence number. seqs are the numbers that it has, by field.
func (c Entries) Lost(seqs map[string]int64) (lost [][]any) {
	compare := func(field string, at Stamp, text func() string) {
		if seqs[field] < at.Seq {
			lost = append(lost, []any{field, text(), at.Seq, at.Time.UnixMilli()})
		}
	}
	compare(flagField, c.Flag.Stamp, c.Flag.text)
	for _, e := range c.Revocations {
		compare(e.field, e.Stamp, e.text)
	}
	return lost
}

// The fields of the hash.
const (
	flagField   = "flag"
	revokeField = "revoke:" // and a hash of what is revoked: the same twice is one
)

// flagText and revocationText are entries in JSON, without their beginning.
type flagText struct {
	Clear   bool   `json:"clear,omitempty"`
	Enabled *bool  `json:"enabled,omitempty"`
	Percent *int   `json:"percent,omitempty"`
	RampMS  *int64 `json:"ramp_ms,omitempty"`
}

type revocationText struct {
	UntilMS  int64            `json:"until_ms"` // first, where control.lua looks for it
	BeforeMS int64            `json:"before_ms,omitempty"`
	ID       string           `json:"jti,omitempty"`
	Subject  string           `json:"sub,omitempty"`
	Project  *version.Project `json:"project,omitempty"`
}

// text is the entry without its beginning, as control.lua takes it.
func (e FlagEntry) text() string {
	o := e.Override
	if o == nil {
		return rest(flagText{Clear: true})
	}
	t := flagText{Enabled: &o.Enabled, Percent: o.Percent}
	if o.Ramp != nil {
		ms := o.Ramp.Milliseconds()
		t.RampMS = &ms
	}
	return rest(t)
}

func (r Revocation) text() string {
	t := revocationText{UntilMS: r.Until.UnixMilli(), ID: r.ID, Subject: r.Subject}
	if !r.Before.IsZero() {
		t.BeforeMS = r.Before.UnixMilli()
	}
	if r.Project != (version.Project{}) {
		t.Project = &r.Project
	}
	return rest(t)
}

// rest is an object in JSON without its first brace.
func rest(object any) string {
	text, _ := json.Marshal(object) // a struct of texts and numbers always marshals
	return string(text[1:])
}

// field is where r is stored.
func (r Revocation) field() string {
	sum := sha256.Sum256([]byte(r.text()))
	return revokeField + hex.EncodeToString(sum[:12])
}

// decodeStamp reads the beginning of an entry, as strictly as control.lua, so that both see the same sequence numbers.
// A number or a time that is far ahead is none of Redis's: believed, it would stand above every later order.
func decodeStamp(entry string) (Stamp, error) {
	rest, begins := strings.CutPrefix(entry, `{"seq":`)
	number, rest, goesOn := strings.Cut(rest, `,"time_ms":`)
	ms, _, ends := strings.Cut(rest, ",")
	if !begins || !goesOn || !ends || len(entry) > maxEntry {
		return Stamp{}, errors.New("does not begin as an entry does, or is too long")
	}
	seq, err := version.ParseVersion(number) // digits, and small enough
	at, err2 := version.ParseVersion(ms)
	if err != nil || seq == 0 || err2 != nil || !storable(int64(at)) {
		return Stamp{}, errors.New("seq or time_ms: no number of an entry")
	}
	s := Stamp{int64(seq), time.UnixMilli(int64(at)).UTC()}
	if s.Seq > s.Time.Add(maxAhead).UnixMilli() || s.Time.After(time.Now().Add(maxAhead)) {
		return Stamp{}, errors.New("seq or time_ms: more than a day ahead")
	}
	return s, nil
}

// decodeFlag reads the field flag; unknown members are ignored.
func decodeFlag(entry string, s Stamp) (FlagEntry, error) {
	var t flagText
	if err := json.Unmarshal([]byte(entry), &t); err != nil {
		return FlagEntry{}, fmt.Errorf("not the JSON of an override: %w", err)
	}
	if t.Clear {
		return FlagEntry{Stamp: s}, nil
	}
	if t.Enabled == nil {
		return FlagEntry{}, errors.New("enabled: missing")
	}
	o := Override{Enabled: *t.Enabled, Percent: t.Percent}
	if t.RampMS != nil {
		if *t.RampMS < 0 || *t.RampMS > maxRamp.Milliseconds() { // before it overflows
			return FlagEntry{}, errors.New("ramp_ms: not from 0 to 24 h")
		}
		ramp := time.Duration(*t.RampMS) * time.Millisecond
		o.Ramp = &ramp
	}
	return FlagEntry{s, &o}, o.Check()
}

// decodeRevocation reads a field that holds a revocation, likewise.
func decodeRevocation(field, entry string, s Stamp) (RevocationEntry, error) {
	var t revocationText
	if err := json.Unmarshal([]byte(entry), &t); err != nil {
		return RevocationEntry{}, fmt.Errorf("not the JSON of a revocation: %w", err)
	}
	if !storable(t.UntilMS) || t.BeforeMS != 0 && !storable(t.BeforeMS) {
		return RevocationEntry{}, errors.New("until_ms or before_ms: not a time from 1970 to 9999")
	}
	r := Revocation{ID: t.ID, Subject: t.Subject, Until: time.UnixMilli(t.UntilMS).UTC()}
	if t.BeforeMS != 0 {
		r.Before = time.UnixMilli(t.BeforeMS).UTC()
	}
	if t.Project != nil {
		r.Project = *t.Project
	}
	if err := r.Check(); err != nil {
		return RevocationEntry{}, err
	}
	if field != r.field() { // it would be written back beside itself
		return RevocationEntry{}, errors.New("is not in the field of what it says")
	}
	return RevocationEntry{s, r, field}, nil
}

// Decode reads what the hash holds, fields and entries in turn. What cannot be read is left out, and the last
// reason returned. seqs has the sequence number of each field that begins as an entry does, of others too: a later
// version of Nudge may understand them.
func Decode(pairs []string) (c Entries, seqs map[string]int64, malformed error) {
	seqs = make(map[string]int64, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		field, entry := pairs[i], pairs[i+1]
		s, err := decodeStamp(entry)
		if err == nil {
			seqs[field] = s.Seq
		}
		switch {
		case err != nil:
		case field == flagField:
			var e FlagEntry
			if e, err = decodeFlag(entry, s); err == nil {
				c.Flag = e
			}
		case strings.HasPrefix(field, revokeField):
			var e RevocationEntry
			if e, err = decodeRevocation(field, entry, s); err == nil {
				c.Revocations = append(c.Revocations, e)
			}
		}
		if err != nil {
			malformed = fmt.Errorf("field %.64q: %w", field, err)
		}
	}
	return c, seqs, malformed
}
