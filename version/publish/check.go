package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"nudge/version"
)

// check returns n as it may be published, with compact data, or says which field breaks which rule: the rules of
// POST /versions. What a gateway would drop is refused here, where somebody can still be told.
func check(n version.News) (version.News, error) {
	if _, err := version.ParseProject(n.Project.String()); err != nil { // only the zero Project
		return n, fmt.Errorf("project: %w", err)
	}
	if err := checkVersion("version", n.Version); err != nil {
		return n, err
	}
	if n.Prev != nil {
		if err := checkVersion("prev", *n.Prev); err != nil {
			return n, err
		}
	}
	if len(n.Writer) > version.MaxWriter {
		return n, fmt.Errorf("writer: %d bytes long; %d is the most", len(n.Writer), version.MaxWriter)
	}
	if len(n.Data) == 0 {
		n.Data = nil
		return n, nil
	}
	if n.Prev == nil {
		return n, errors.New("data: needs Prev, the version that the change was made upon")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, n.Data); err != nil || !utf8.Valid(n.Data) {
		return n, errors.New("data: not JSON in UTF-8")
	}
	if compact.Len() > version.MaxData {
		return n, fmt.Errorf("data: longer than %d bytes; publish without it, browsers then poll", version.MaxData)
	}
	n.Data = compact.Bytes()
	return n, nil
}

func checkVersion(field string, v version.Version) error {
	if v < 0 || v > version.Max {
		return fmt.Errorf("%s: %d is not from 0 to %d", field, v, version.Max)
	}
	return nil
}
