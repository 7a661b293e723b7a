package auth

import (
	"net/http"
	"strings"
)

// HTTPS reports whether a page sent r over TLS, as the connection says, or the page's Origin. proxied: r came from a trusted
// proxy, whose X-Forwarded-Proto and Forwarded count too.
func HTTPS(r *http.Request, proxied bool) bool {
	if r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://") {
		return true
	}
	schemes := forwarded(r, "X-Forwarded-Proto", "proto", proxied)
	return len(schemes) > 0 && strings.EqualFold(schemes[0], "https") // the first is that of the browser
}

// forwarded returns what trusted proxies say in a header of its own, and in a parameter of Forwarded (RFC 7239), the browser's
// side first. It returns nothing of other senders.
func forwarded(r *http.Request, header, parameter string, proxied bool) (values []string) {
	if !proxied {
		return nil
	}
	for _, line := range r.Header.Values(header) {
		for value := range strings.SplitSeq(line, ",") {
			values = append(values, strings.TrimSpace(value))
		}
	}
	for _, line := range r.Header.Values("Forwarded") {
		for pair := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ',' || c == ';' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, parameter) {
				values = append(values, strings.Trim(value, `"`))
			}
		}
	}
	return values
}
