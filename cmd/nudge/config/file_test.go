package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFileRefuses(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		// What the issue and viper's traps ask for.
		{"no unit", "log:\n  level: info\nheartbeat: 15\n", `config.yaml:3: heartbeat: 15 has no unit; write 15s for seconds`},
		{"no unit, quoted", `heartbeat: "15"`, `config.yaml:1: heartbeat: 15 has no unit; write 15s for seconds`},
		{"no unit, zero", "push: {ramp: 0}", `config.yaml:1: push.ramp: 0 has no unit; write 0s for seconds`},
		{"no unit, fraction", "poll:\n  gap: 1.5", `config.yaml:2: poll.gap: 1.5 has no unit; write 1.5s for seconds`},
		{"size without unit", "limits:\n  body: 65536", `config.yaml:2: limits.body: 65536 has no unit; write 65536B for bytes`},
		{"size in words", "limits: {body: 64 kilo}", `config.yaml:1: limits.body: "64 kilo" is not a size; write a whole number with B, KiB, MiB, kB or MB, such as 64KiB`},
		{"duration in words", "heartbeat: often", `config.yaml:1: heartbeat: often is not a duration; write a number with ms, s, m or h, such as 15s`},
		{"unknown unit", "limits: {stream_age: 1d}", `config.yaml:1: limits.stream_age: 1d is not a duration; write a number with ms, s, m or h, such as 15s`},
		{"unknown key", "push:\n  enable: false\n", `config.yaml:2: push.enable: unknown key; did you mean push.enabled?`},
		{"key in the wrong section", "poll:\n  heartbeat: 15s\n", `config.yaml:2: poll.heartbeat: unknown key; did you mean heartbeat?`},
		{"unlike any key", "poll:\n  zzzzzzzz: 15s\n", `config.yaml:2: poll.zzzzzzzz: unknown key; the keys here are fast, slow, longest, gap, jitter, budget`},
		{"unknown section", "puhs:\n  enabled: false\n", `config.yaml:1: puhs: unknown key; did you mean push?`},
		{"section in capitals", "push:\n  enabled: true\nPUSH:\n  enabled: false\n", `config.yaml:3: PUSH: is not in lower case; write push`},
		{"key in capitals", "push: {Enabled: false}", `config.yaml:1: push.Enabled: is not in lower case; write enabled`},
		{"dotted key", "push.enabled: false", `config.yaml:1: push.enabled: is written with a dot; write push: and below it, indented, enabled:`},
		{"dotted unknown key", "push.enable: false", `config.yaml:1: push.enable: unknown key; did you mean push.enabled?`},
		{"dotted key in a section", "log: {level.x: info}", `config.yaml:1: log.level.x: unknown key; did you mean log.level?`},
		{"odd key", "\"a b\\n\": 1", `config.yaml:1: "a b\n": unknown key; the keys here are listen, socket_mode, proxy_protocol, h2c, ops_listen, hosts, ops_hosts, base_path, node, log, tls, redis, auth, push, poll, heartbeat, limits, drain, cors`},
		{"number as key", "1: 2", `config.yaml:1: 1: unknown key; the keys here are listen, socket_mode, proxy_protocol, h2c, ops_listen, hosts, ops_hosts, base_path, node, log, tls, redis, auth, push, poll, heartbeat, limits, drain, cors`},
		{"key twice", "push:\n  percent: 5\n  percent: 6\n", `config.yaml:3: push.percent: is given twice, first on line 2; keep one`},
		{"section twice", "push: {}\npoll: {}\npush: {}\n", `config.yaml:3: push: is given twice, first on line 1; keep one`},
		{"second document", "node: a\n---\nnode: b\n", `config.yaml:2: a second document begins here; keep only one`},
		{"empty second document", "node: a\n---\n", `config.yaml:2: a second document begins here; keep only one`},

		// Nothing where something should be.
		{"empty", "", `config.yaml: is empty; write at least one key, such as heartbeat: 25s, or remove the file`},
		{"blank", " \n\n", `config.yaml: is empty; write at least one key, such as heartbeat: 25s, or remove the file`},
		{"comments", "# push:\n", `config.yaml: is empty; write at least one key, such as heartbeat: 25s, or remove the file`},
		{"null document", "~", `config.yaml: is empty; write at least one key, such as heartbeat: 25s, or remove the file`},
		{"null duration", "heartbeat:\nnode: a\n", `config.yaml:1: heartbeat: has no value; write one, such as 25s`},
		{"null number", "push:\n  percent: null\n", `config.yaml:2: push.percent: has no value; write one, such as 100`},
		{"null text", "redis:\n  password:\n", `config.yaml:2: redis.password: has no value; write "" for none`},
		{"null list", "push:\n  include: ~\n", `config.yaml:2: push.include: has no value; write [] for none`},
		{"null section", "node: a\nredis:\n", `config.yaml:2: redis: has nothing below it; write its keys, indented, or remove it`},
		{"null entry", "push:\n  include:\n    -\n", `config.yaml:2: push.include: has no value; write "" for none`},

		// Wrong types.
		{"list of keys", "- push\n", `config.yaml:1: holds no keys; write lines such as heartbeat: 25s`},
		{"text", "hello", `config.yaml:1: holds no keys; write lines such as heartbeat: 25s`},
		{"number for bool", "push: {enabled: 5}", `config.yaml:1: push.enabled: 5 is not true or false; write true or false`},
		{"one for bool", "push: {enabled: 1}", `config.yaml:1: push.enabled: 1 is not true or false; write true`},
		{"old YAML bool", "push:\n  enabled: off", `config.yaml:2: push.enabled: off is not true or false; write false`},
		{"half a bool", "push: {enabled: tru}", `config.yaml:1: push.enabled: tru is not true or false; write true or false`},
		{"quoted bool", `push: {enabled: "true"}`, `config.yaml:1: push.enabled: true is in quotes; write it without`},
		{"text for int", "push: {percent: 50%}", `config.yaml:1: push.percent: 50% is not a whole number; write plain digits, such as 100`},
		{"fraction for int", "push: {percent: 12.5}", `config.yaml:1: push.percent: 12.5 is not a whole number; write plain digits, such as 100`},
		{"octal", "push: {percent: 0100}", `config.yaml:1: push.percent: 0100 is not a whole number; write plain digits, such as 100`},
		{"hexadecimal", "push: {percent: 0x10}", `config.yaml:1: push.percent: 0x10 is not a whole number; write plain digits, such as 100`},
		{"underscores", "limits: {streams: 10_000}", `config.yaml:1: limits.streams: 10_000 is not a whole number; write plain digits, such as 0`},
		{"huge int", "limits: {streams: 99999999999999999999}", `config.yaml:1: limits.streams: 99999999999999999999 is not a whole number; write plain digits, such as 0`},
		{"quoted int", "push: {percent: '5'}", `config.yaml:1: push.percent: 5 is in quotes; write it without`},
		{"text for float", "poll: {jitter: some}", `config.yaml:1: poll.jitter: some is not a number; write digits, such as 0.2`},
		{"octal for float", "poll: {budget: 0100}", `config.yaml:1: poll.budget: 0100 is not a number; write digits, such as 0`},
		{"bool for duration", "heartbeat: true", `config.yaml:1: heartbeat: true is not a duration; write a number with ms, s, m or h, such as 15s`},
		{"number for text", "node: 42", `config.yaml:1: node: 42 is a number, not text; write "42"`},
		{"bool for text", "node: true", `config.yaml:1: node: true is true or false, not text; write "true"`},
		{"date for text", "node: 2026-01-02", `config.yaml:1: node: 2026-01-02 is a date, not text; write "2026-01-02"`},
		{"list for text", "node: [a]", `config.yaml:1: node: is a list; write one value`},
		{"keys for text", "node:\n  name: a\n", `config.yaml:2: node: has keys below it; write one value`},
		{"text for list", "push: {include: team-*}", `config.yaml:1: push.include: team-* is not a list; write ["team-*"]`},
		{"keys for list", "push: {include: {a: b}}", `config.yaml:1: push.include: is not a list; write its entries in [brackets]`},
		{"number in list", "push:\n  include:\n    - a\n    - 42\n", `config.yaml:4: push.include: 42 is a number, not text; write "42"`},
		{"list in list", "push: {include: [[a]]}", `config.yaml:1: push.include: is a list; write one value`},
		{"empty entry", `push: {include: [""]}`, `config.yaml:1: push.include: "" is an entry that is empty or has white space around it; remove that`},
		{"text for section", "push: on", `config.yaml:1: push: is a section; write its keys below it, indented, such as enabled: …`},
		{"list for section", "poll: [fast]", `config.yaml:1: poll: is a section; write its keys below it, indented, such as fast: …`},

		// The corners of YAML in which a value hides.
		{"alias", "node: &n a\nlisten: *n\n", `config.yaml:2: listen: is an alias; write the value itself (text that begins with * needs quotes)`},
		{"aliased section", "drain: &d {delay: 1s}\npoll: *d\n", `config.yaml:2: poll: is an alias; write its keys below it, indented`},
		{"merge", "drain:\n  <<: {delay: 1s}\n", `config.yaml:2: drain.<<: merging is not supported here; write the keys themselves`},
		{"tag", "node: !!str 42", `config.yaml:1: node: has a tag; write the value alone (text that begins with ! needs quotes)`},
		{"tagged key", "!!str node: a", `config.yaml:1: a key here is not a plain word; write key: value`},
		{"complex key", "? [a]\n: b\n", `config.yaml:1: a key here is not a plain word; write key: value`},

		// Not YAML.
		{"tab", "push:\n\tenabled: true\nnode: a\n", `config.yaml:2: is indented with a tab; indent it with spaces`},
		{"open bracket", "node: a\npush: {enabled: true\npoll:\n  fast: 10s\nheartbeat: 15s\n", `config.yaml:2: is not YAML (did not find expected ',' or '}'); check the indentation, the quotes and the brackets`},
		{"open quote", "node: a\nlisten: \"b\nheartbeat: 15s\n", `config.yaml:2: is not YAML (found unexpected end of stream); check the indentation, the quotes and the brackets`},
		{"indentation", "push:\n  enabled: true\n percent: 5\nnode: a\n", `config.yaml:3: is not YAML (did not find expected key); check the indentation, the quotes and the brackets`},
		{"two colons", "node: a\nlisten: b: c\n", `config.yaml:2: is not YAML (mapping values are not allowed in this context); check the indentation, the quotes and the brackets`},
		{"control character", "node: a\nlisten: \x01\n", `config.yaml:2: is not YAML (control characters are not allowed); check the indentation, the quotes and the brackets`},
		{"not UTF-8", "node: a\nlisten: \xff\n", `config.yaml:2: is not YAML (invalid leading UTF-8 octet); check the indentation, the quotes and the brackets`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, problems := readYAML("config.yaml", []byte(test.file))
			if diff := cmp.Diff(test.want, problems.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFileReportsEverything(t *testing.T) {
	file := `node: 42
heartbeat: 15
push:
  percent: many
  include: [1, a, 2]
  enable: true
poll:
`
	want := `config.yaml:1: node: 42 is a number, not text; write "42"
config.yaml:2: heartbeat: 15 has no unit; write 15s for seconds
config.yaml:4: push.percent: many is not a whole number; write plain digits, such as 100
config.yaml:5: push.include: 1 is a number, not text; write "1"
config.yaml:5: push.include: 2 is a number, not text; write "2"
config.yaml:6: push.enable: unknown key; did you mean push.enabled?
config.yaml:7: poll: has nothing below it; write its keys, indented, or remove it`
	_, problems := readYAML("config.yaml", []byte(file))
	if diff := cmp.Diff(want, problems.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestFileAccepts(t *testing.T) {
	for _, file := range []string{
		"push: {}",
		"---\nnode: a\n",
		"node: a\n...\n",
		"node: a\r\npush:\r\n  enabled: false\r\n",
		"\ufeffnode: a\n",
		`node: "42"`,
		"push: {enabled: True, percent: 0, include: [], ramp: 0s}",
		"poll: {jitter: 0, budget: 12.5, fast: 1m30s}",
		"poll: {jitter: .nan}", // refused as a range, later
		"limits:\n  body: \"1 MiB\"\n",
		"node: |-\n  a\n",
	} {
		if _, problems := readYAML("config.yaml", []byte(file)); len(problems) > 0 {
			t.Errorf("%q: %v", file, problems)
		}
	}
}

// No message may carry a secret into a log.
func TestFileKeepsSecrets(t *testing.T) {
	const secret = "hunter2hunter2"
	for _, file := range []string{
		"auth: {secret: [" + secret + "]}",
		"auth: {secret: *" + secret + "}",
		"auth: {secret: !" + secret + "}",
		"auth: {secret: !" + secret + " x}",
		"auth:\n  secret: " + secret + ": x\n",
		"auth:\n  secret: \"" + secret + "\n",
		"auth:\n  secret: @" + secret + "\n",
		"auth: " + secret,
		"auth: {secert: " + secret + "}",
		secret,
	} {
		_, problems := readYAML("config.yaml", []byte(file))
		if len(problems) == 0 || strings.Contains(problems.Error(), secret) {
			t.Errorf("%q: %v", file, problems)
		}
	}
	if _, problems := readYAML("config.yaml", []byte("redis: {password: 12345678}")); len(problems) != 1 || strings.Contains(problems.Error(), "12345678") {
		t.Errorf("number: %v", problems)
	}
}

// What is read without a complaint is what viper yields: no value is bent, no key is lost, nothing panics.
func FuzzFile(f *testing.F) {
	for _, file := range []string{
		"", "\x00", "push: {enabled: false}", "PUSH:\n  enabled: false", "heartbeat: 15", "heartbeat: 15s\n---\n", "a: &a [*a]", "&a [*a]: b",
		"push: &p\n  include: *p", "poll: {jitter: .nan, budget: .inf}", "? {}\n: {}", "!!map {}", "node: !!binary aGk=", "<<: {node: a}",
		"push:\n\tenabled: true", "node: >\n  a\n  b", "limits: {body: 64KiB, streams: 9223372036854775807}", "poll: {jitter: 1_0.5, budget: 0b1}",
		"redis: {addrs: [a:1]}\nauth: {secret: '" + goodSecret + "'}", "poll.fast: 1s", "push: {include.x: []}", "#", "%YAML 1.1\n---\nnode: a",
		"heartbeat: 2001-01-01", "node: ~", "{", "[", "\"", "'", "|", ">", "- -", ":", "? ", "*", "&", "!", "%", "@", "`",
	} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, problems := readYAML("config.yaml", data)
		if len(problems) > 0 {
			if text := problems.Error(); text == "" || strings.Count(text, "\n") != len(problems)-1 {
				t.Errorf("not one problem a line: %q", text)
			}
			return
		}
		config, err := Loader{}.merge(file)
		if err != nil {
			t.Fatalf("viper refuses what the file holds: %v", err)
		}
		for _, s := range settings {
			want, given := file.values[s.key]
			if !given {
				want = s.in(Default()).Interface()
			}
			got := s.in(config).Interface()
			if !cmp.Equal(got, want, cmpopts.EquateNaNs()) {
				t.Errorf("%s is %v, want %v", s.key, got, want)
			}
			if given != (file.origins[s.key] != "") {
				t.Errorf("%s has the value %v and the origin %q", s.key, want, file.origins[s.key])
			}
		}
	})
}
