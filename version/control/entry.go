package control

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nudge/version"
)

//go:embed control.lua
var script string

// Script is the Lua script that reads and writes the hash of all entries. Its first lines describe its arguments.
func Script() string { return script }

const (
	// maxEntry is the greatest length of an entry in bytes, so that a gateway can read the whole hash at once; control.lua
	// has the same number. maxBeginning is the part of it for sequence number and time.
	maxEntry     = 800
	maxBeginning = 60
)

// The fields of the hash.
const (
	flagField   = "flag"
	revokeField = "revoke:" // followed by a hash of the revocation, so that equal revocations share a field
)

// Command makes the script store an entry.
type Command struct {
	Field string
	Text  string // the entry without its beginning
	Stamp        // zero: a new one is given
	// Replaces is the sequence number of the entry that this one takes the place of: if there is another one by now, nothing is
	// stored. 0: it takes the place of any.
	Replaces int64
}

// FlagCommand sets an override; nil removes it.
func FlagCommand(o *Override) Command {
	return Command{Field: flagField, Text: FlagEntry{Override: o}.text()}
}

// Command stores r.
func (r Revocation) Command() Command { return Command{Field: r.field(), Text: r.text()} }

// Clear takes e back at all gateways.
func (e RevocationEntry) Clear() Command {
	e.Cleared = true
	return Command{Field: e.field, Text: e.text()}
}

// Args returns the arguments of the script.
func (c Command) Args() []any {
	switch {
	case c.Replaces != 0:
		return []any{c.Field, c.Text, c.Replaces, "replaced"}
	case c.Seq == 0:
		return []any{c.Field, c.Text}
	}
	return []any{c.Field, c.Text, c.Seq, c.Time.UnixMilli()}
}

// Stored returns the entry as it is stored, given the answer of the script.
func (c Command) Stored(answer []string) (Entries, error) {
	stored, _, err := Decode(append(append([]string{c.Field}, answer...), c.Text))
	return stored, err
}

// Lost returns commands that write back the entries that the hash lacks, or has with a lower sequence number. seqs are its
// numbers by field.
func (e Entries) Lost(seqs map[string]int64) (lost []Command) {
	if seqs[flagField] < e.Flag.Seq {
		lost = append(lost, Command{Field: flagField, Text: e.Flag.text(), Stamp: e.Flag.Stamp})
	}
	for _, r := range e.Revocations {
		if seqs[r.field] < r.Seq {
			lost = append(lost, Command{Field: r.field, Text: r.text(), Stamp: r.Stamp})
		}
	}
	return lost
}

// Decode reads the answer of the script about the whole hash. It leaves out malformed entries, and returns the last
// reason. seqs has their sequence numbers too: a later version of Nudge may understand them.
func Decode(answer []string) (e Entries, seqs map[string]int64, malformed error) {
	seqs = make(map[string]int64, len(answer)/4)
	for ; len(answer) >= 4; answer = answer[4:] {
		field, text := answer[0], answer[3]
		seq, err := strconv.ParseInt(answer[1], 10, 64)
		ms, err2 := strconv.ParseInt(answer[2], 10, 64)
		if err != nil || err2 != nil || seq == 0 {
			malformed = fmt.Errorf("field %.64q: no entry: its beginning or its length is wrong, or seq or time_ms a day ahead", field)
			continue
		}
		seqs[field] = seq
		s := Stamp{seq, time.UnixMilli(ms).UTC()}
		if field == flagField {
			var f FlagEntry
			if f, err = decodeFlag(text, s); err == nil {
				e.Flag = f
			}
		} else if strings.HasPrefix(field, revokeField) {
			var r RevocationEntry
			if r, err = decodeRevocation(field, text, s); err == nil {
				e.Revocations = append(e.Revocations, r)
			}
		}
		if err != nil {
			malformed = fmt.Errorf("field %.64q: %w", field, err)
		}
	}
	return e, seqs, malformed
}

// flagText and revocationText are entries in JSON, without their beginning.
type flagText struct {
	Clear   bool     `json:"clear,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
	Percent *int     `json:"percent,omitempty"`
	Ramp    *Millis  `json:"ramp_ms,omitempty"`
	Rollout *Rollout `json:"rollout,omitempty"`
	Why     string   `json:"why,omitempty"`
}

type revocationText struct {
	UntilMS  int64           `json:"until_ms"` // first, where control.lua looks for it
	BeforeMS int64           `json:"before_ms,omitempty"`
	ID       string          `json:"jti,omitempty"`
	Subject  string          `json:"sub,omitempty"`
	Project  version.Project `json:"project,omitzero"`
	Clear    bool            `json:"clear,omitempty"` // it was taken back
}

func (e FlagEntry) text() string {
	o := e.Override
	if o == nil {
		return rest(flagText{Clear: true})
	}
	return rest(flagText{false, &o.Enabled, o.Percent, o.Ramp, o.Rollout, o.Why})
}

func (r Revocation) text() string { return rest(r.members()) }

func (e RevocationEntry) text() string {
	t := e.members()
	t.Clear = e.Cleared
	return rest(t)
}

func (r Revocation) members() revocationText {
	t := revocationText{UntilMS: r.Until.UnixMilli(), ID: r.ID, Subject: r.Subject, Project: r.Project}
	if !r.Before.IsZero() {
		t.BeforeMS = r.Before.UnixMilli()
	}
	return t
}

// rest is an object in JSON without its first brace.
func rest(object any) string {
	text, _ := json.Marshal(object) // a struct of texts and numbers always marshals
	return string(text[1:])
}

// field is where r is stored, whether or not it was taken back.
func (r Revocation) field() string {
	sum := sha256.Sum256([]byte(r.text()))
	return revokeField + hex.EncodeToString(sum[:12])
}

// decodeFlag reads the text of the field flag. Unknown members are ignored.
func decodeFlag(text string, s Stamp) (FlagEntry, error) {
	var t flagText
	if err := json.Unmarshal([]byte("{"+text), &t); err != nil {
		return FlagEntry{}, fmt.Errorf("not the JSON of an override: %w", err)
	}
	if t.Clear {
		return FlagEntry{Stamp: s}, nil
	}
	if t.Enabled == nil {
		return FlagEntry{}, errors.New("enabled: missing")
	}
	o := Override{*t.Enabled, t.Percent, t.Ramp, t.Rollout, t.Why}
	return FlagEntry{s, &o}, o.Check()
}

// decodeRevocation reads the text of a revocation's field. Unknown members are ignored.
func decodeRevocation(field, text string, s Stamp) (RevocationEntry, error) {
	var t revocationText
	if err := json.Unmarshal([]byte("{"+text), &t); err != nil {
		return RevocationEntry{}, fmt.Errorf("not the JSON of a revocation: %w", err)
	}
	r := Revocation{ID: t.ID, Subject: t.Subject, Project: t.Project, Until: time.UnixMilli(t.UntilMS).UTC()}
	if t.BeforeMS != 0 {
		r.Before = time.UnixMilli(t.BeforeMS).UTC()
	}
	if err := r.Check(); err != nil {
		return RevocationEntry{}, err
	}
	if field != r.field() { // else it would be written back to a second field
		return RevocationEntry{}, errors.New("is not in the field of what it says")
	}
	return RevocationEntry{s, r, t.Clear, field}, nil
}
