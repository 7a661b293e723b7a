package fallback

import "slices"

// Push is the state of push, as browsers get it. Its zero value is Down: a field that was not set costs polls, but delays no
// news. Among Down, Degraded and Healthy, greater means better.
type Push uint8

const (
	Down     Push = iota // news may get lost; browsers poll as if there were no push
	Degraded             // push seems to work, but is not fully trusted
	Healthy              // the source has just proved that it delivers
	Off                  // the flag excludes this caller; this says nothing about health
)

var pushWords = []string{Down: "down", Degraded: "degraded", Healthy: "healthy", Off: "off"}

// String returns the word of the protocol. Any other value is "down".
func (p Push) String() string {
	if int(p) < len(pushWords) {
		return pushWords[p]
	}
	return pushWords[Down]
}

// ParsePush parses what String returns. Anything else is Down.
func ParsePush(word string) Push { return Push(max(int(Down), slices.Index(pushWords, word))) }

// MarshalText implements [encoding.TextMarshaler] with String. It never fails.
func (p Push) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with ParsePush. It never fails.
func (p *Push) UnmarshalText(word []byte) error {
	*p = ParsePush(string(word))
	return nil
}
