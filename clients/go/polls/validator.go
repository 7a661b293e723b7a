package polls

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"nudge/version"
)

// mostProjects is how many projects a validator has at most.
const mostProjects = 64

// validators finds ours in a header. Proxies append to them (-gzip).
var validators = regexp.MustCompile(`nudge1\.(\d{1,12})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})`)

// mostText is how long the versions of a validator may be.
const mostText = 12_000

// mark is a project's version in an answer.
type mark struct {
	project version.Project
	version version.Version
}

// makeValidator returns the ETag of an answer; "": it has no versions or too many. who is from [identity].
func makeValidator(secret []byte, time int64, marks []mark, path, who string) string {
	if len(marks) == 0 || len(marks) > mostProjects {
		return ""
	}
	marks = slices.SortedFunc(slices.Values(marks), func(a, b mark) int { return cmp.Compare(a.project.String(), b.project.String()) })
	texts := make([]string, len(marks))
	for i, m := range marks {
		texts[i] = fmt.Sprintf("%s=%d", m.project, m.version)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(strings.Join(texts, ",")))
	return fmt.Sprintf(`W/"nudge1.%d.%s.%s"`, time, text, mac(secret, strconv.FormatInt(time, 10), text, path, who))
}

// readValidator returns the first validator in If-None-Match that was made for this path and caller.
func readValidator(secret []byte, header, path, who string) (etag string, time int64, marks []mark) {
	for _, found := range validators.FindAllStringSubmatch(header, -1) {
		text := found[2]
		if len(text) > mostText || !hmac.Equal([]byte(found[3]), []byte(mac(secret, found[1], text, path, who))) {
			continue
		}
		decoded, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		marks, err := parseMarks(string(decoded))
		if err != nil {
			continue
		}
		time, _ := strconv.ParseInt(found[1], 10, 64) // twelve digits at most
		return `W/"` + found[0] + `"`, time, marks
	}
	return "", 0, nil
}

// parseMarks reads versions such as "42=124, 43=9".
func parseMarks(text string) ([]mark, error) {
	var marks []mark
	for part := range strings.SplitSeq(text, ",") {
		id, number, found := strings.Cut(strings.TrimSpace(part), "=")
		project, err := version.ParseProject(id)
		if !found || err != nil {
			return nil, fmt.Errorf("%.80q has no versions such as 42=124, 43=9", text)
		}
		v, err := version.ParseVersion(number)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		marks = append(marks, mark{project, v})
	}
	return marks, nil
}

func mac(secret []byte, time, versions, path, who string) string {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "nudge poll validator\n%s\n%s\n%s\n%s", time, versions, path, who)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:22]
}

// hashIdentity is who asks: names such as cookie:session, each with what the request has for it.
func hashIdentity(values [][2]string) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%s=%s\n", v[0], v[1])
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
