package doctor

import (
	"net/http"
	"slices"
	"strings"
)

// Remedy is what to change at one proxy.
type Remedy struct {
	Proxy string   `json:"proxy"`
	Lines []string `json:"lines"`
}

// proxyNames are the proxies that remedies know.
var proxyNames = []string{"nginx", "HAProxy", "Caddy", "Apache", "Traefik", "Envoy", "Cloudflare", "ALB"}

// A kind of fault that a proxy's configuration causes.
const (
	buffering   = "buffering"
	compression = "compression"
	cut         = "cut"
	host        = "host"
	headers     = "headers" // a header of the page, or an answer of the gateway to a preflight, does not pass
	path        = "path"    // a path does not lead to the gateway
)

// remedies are the lines to change. Those of nginx, HAProxy, Caddy and Apache agree with
// docs/proxies.md, and these programs take them: tests look. Those of the others are from their documentation.
var remedies = map[string]map[string][]string{
	buffering: {
		"nginx":      {"proxy_buffering off;"},
		"HAProxy":    {"remove http-response wait-for-body from the backend of the gateway"},
		"Caddy":      {"reverse_proxy … { flush_interval -1 }"},
		"Apache":     {"ProxyPass /push/ http://127.0.0.1:8080/push/ timeout=75 flushpackets=on"},
		"Traefik":    {"remove the middleware buffering from the router of the gateway"},
		"Envoy":      {"remove filters that wait for the whole answer from the route of the gateway: file_system_buffer, ext_proc with response_body_mode BUFFERED, lua with response_handle:body()"},
		"Cloudflare": {"Configuration Rules: Response Body Buffering None for the gateway's path; Cache Rules: bypass the cache for it"},
		"ALB":        {"it does not buffer; look at a CloudFront or WAF before it, and at the proxy behind it"},
	},
	compression: {
		"nginx":      {"gzip off;"},
		"HAProxy":    {"remove compression algo from the backend of the gateway"},
		"Caddy":      {"move encode into the handle of the application"},
		"Apache":     {`SetEnvIf Request_URI "^/push/" no-gzip=1 no-brotli=1`},
		"Traefik":    {"compress.excludedContentTypes: [text/event-stream]"},
		"Envoy":      {"the compressor filter: content_type without text/event-stream"},
		"Cloudflare": {"Compression Rules: disable compression for the gateway's path"},
		"ALB":        {"it does not compress; look at a CloudFront before it, and at the proxy behind it"},
	},
	cut: {
		"nginx":      {"proxy_read_timeout 75s;"},
		"HAProxy":    {"timeout client 75s", "timeout server 75s"},
		"Caddy":      {"reverse_proxy … { transport http { read_timeout 0 } }", "servers { timeouts { write 0 } }"},
		"Apache":     {"ProxyPass /push/ http://127.0.0.1:8080/push/ timeout=75"},
		"Traefik":    {"entryPoints.NAME.transport.respondingTimeouts.writeTimeout: 0"},
		"Envoy":      {"route: { timeout: 0s, idle_timeout: 75s }", "http_connection_manager: { stream_idle_timeout: 75s }"},
		"Cloudflare": {"the limit is 100 s without a byte (Proxy Read Timeout): keep heartbeat below it"},
		"ALB":        {"idle_timeout.timeout_seconds = 75"},
	},
	host: {
		"nginx":      {"proxy_set_header Host $http_host;"},
		"HAProxy":    {"remove http-request set-header Host from the backend of the gateway"},
		"Caddy":      {"reverse_proxy … { header_up Host {http.request.hostport} }"},
		"Apache":     {"ProxyPreserveHost on"},
		"Traefik":    {"loadBalancer.passHostHeader: true"},
		"Envoy":      {"remove host_rewrite_literal, host_rewrite_header, host_rewrite_path_regex and auto_host_rewrite from the route of the gateway"},
		"Cloudflare": {"Origin Rules: remove the override of the Host header"},
		"ALB":        {"routing.http.preserve_host_header.enabled = true"},
	},
	headers: {
		"nginx":      {"remove proxy_set_header, proxy_hide_header and add_header lines that change the header"},
		"HAProxy":    {"remove http-request and http-response del-header and set-header lines that change the header"},
		"Caddy":      {"remove header, header_up and header_down lines that change the header"},
		"Apache":     {"remove RequestHeader and Header lines that change the header"},
		"Traefik":    {"remove the middleware headers from the router of the gateway"},
		"Envoy":      {"remove request_headers_to_remove, response_headers_to_remove and the cors filter from the route"},
		"Cloudflare": {"Transform Rules: remove those that change the header"},
		"ALB":        {"remove routing.http.response.* from the listener's attributes"},
	},
	path: {
		"nginx":      {"location /push/ { proxy_pass http://127.0.0.1:8080; }"},
		"HAProxy":    {"use_backend gateways if { path_beg /push/ }"},
		"Caddy":      {"handle /push/* { reverse_proxy 127.0.0.1:8080 }"},
		"Apache":     {"ProxyPass /push/ http://127.0.0.1:8080/push/ timeout=75"},
		"Traefik":    {"rule: PathPrefix(`/push/`)"},
		"Envoy":      {"match: { prefix: /push/ }"},
		"Cloudflare": {"WAF: let requests to the gateway's path through"},
		"ALB":        {"a listener rule with the path pattern /push/*"},
	},
}

// recognise names the proxies that an answer names itself.
func recognise(h http.Header) (names []string) {
	for _, sign := range []struct{ name, header, word string }{
		{"Cloudflare", "Cf-Ray", ""},
		{"Cloudflare", "Server", "cloudflare"},
		{"nginx", "Server", "nginx"},
		{"nginx", "Server", "openresty"},
		{"Caddy", "Server", "caddy"},
		{"Caddy", "Via", "caddy"},
		{"Apache", "Server", "apache"},
		{"Envoy", "Server", "envoy"},
		{"Envoy", "X-Envoy-Upstream-Service-Time", ""},
		{"ALB", "Server", "awselb"},
		{"ALB", "Set-Cookie", "awsalb"},
		{"HAProxy", "Server", "haproxy"},
		{"HAProxy", "Via", "haproxy"},
		{"Traefik", "Server", "traefik"},
	} {
		values := strings.ToLower(strings.Join(h.Values(sign.header), " "))
		if values != "" && strings.Contains(values, sign.word) && !slices.Contains(names, sign.name) {
			names = append(names, sign.name)
		}
	}
	return names
}

// remediesFor returns the lines for the proxies, or for all if none is known.
func remediesFor(kind string, proxies []string) (all []Remedy) {
	if len(proxies) == 0 {
		proxies = proxyNames
	}
	for _, name := range proxies {
		if lines := remedies[kind][name]; len(lines) > 0 {
			all = append(all, Remedy{name, lines})
		}
	}
	return all
}
