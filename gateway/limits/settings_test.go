//go:build unix

package limits

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// More streams than open files is said at start, with the number that is needed; what fits, and the default, is not.
func TestWarnOfFiles(t *testing.T) {
	for streams, says := range map[int]bool{0: false, Files(): false, Files() + 1: true} {
		var log bytes.Buffer
		Settings{Streams: streams}.WarnOfFiles(slog.New(slog.NewTextHandler(&log, nil)))
		fix := fmt.Sprintf("raise the limit of open files to %d (LimitNOFILE=", streams+reservedFiles)
		if got := log.String(); (got != "") != says || strings.Contains(got, fix) != says {
			t.Errorf("%d streams, room for %d: %q", streams, Files(), got)
		}
	}
}
