package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A strictPass walks the file beside the Config type and collects everything
// that viper would pass over or mend silently: unknown, repeated and null keys,
// weak types, numbers without unit, further documents. viper sees only files
// that it finds nothing in.
type strictPass struct {
	name     string // of the file, for the messages
	problems Problems
	origins  map[string]string // where each key is given
}

// checkStrictly returns where each key of the file is given, and all that is
// wrong with the file, in the order of its lines. name is how messages call it.
func checkStrictly(name string, data []byte) (origins map[string]string, problems Problems) {
	p := &strictPass{name: name, origins: map[string]string{}}
	documents, err := parseYAML(data)
	if err != nil {
		p.problems = append(p.problems, brokenYAML(name, data, err))
		return nil, p.problems
	}
	p.documents(documents)
	slices.SortStableFunc(p.problems, func(a, b Problem) int { return lineOf(a) - lineOf(b) })
	return p.origins, p.problems
}

func (p *strictPass) documents(documents []*yaml.Node) {
	if len(documents) > 1 {
		p.refuse(documents[1], "", "a second document begins here; keep one, nothing would read the rest")
	}
	if len(documents) == 0 || isNull(documents[0].Content[0]) {
		p.problems = append(p.problems, Problem{
			Where: p.name,
			Text:  "is empty, as if half written; write at least one key, such as heartbeat: 25s, or remove the file",
		})
		return
	}
	root := documents[0].Content[0]
	if root.Kind != yaml.MappingNode || tagged(root) {
		p.refuse(root, "", "is not made of keys; write lines such as heartbeat: 25s")
		return
	}
	p.section("", root)
}

// section checks the keys of one mapping; key is the mapping's own.
func (p *strictPass) section(key string, node *yaml.Node) {
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || tagged(name) {
			p.refuse(name, key, "a key here is not a plain word; write key: value")
			continue
		}
		full := join(key, name.Value)
		if line, twice := first[name.Value]; twice {
			p.refuse(name, full, fmt.Sprintf("is given twice, first on line %d; keep one", line))
			continue
		}
		first[name.Value] = name.Line
		p.entry(key, full, name, value)
	}
}

func (p *strictPass) entry(section, full string, name, value *yaml.Node) {
	// A dot in the word itself is a path to viper, and not to the reader.
	s, known := settingByKey[full]
	if strings.Contains(name.Value, ".") || !known && !isSection(full) {
		p.refuse(name, showKey(full), unknownKey(section, full, name.Value))
		return
	}
	if known {
		p.origins[full] = p.at(name)
		for _, c := range s.complaints(value) {
			if isNull(c.at) {
				c.at = name // the line of the key: an absent value may be marked lines below
			}
			p.refuse(c.at, full, c.text)
		}
		return
	}
	switch {
	case isNull(value):
		p.refuse(name, full, "has nothing below it; write its keys, indented, or remove it")
	case value.Kind == yaml.AliasNode:
		p.refuse(value, full, "is an alias; write its keys below it, indented")
	case value.Kind != yaml.MappingNode || tagged(value):
		p.refuse(value, full, "is a section; write its keys below it, indented, such as "+keysBelow(full)[0]+": …")
	default:
		p.section(full, value)
	}
}

// unknownKey says what to do about a key that is not known.
func unknownKey(section, full, word string) string {
	lower := strings.ToLower(full)
	_, known := settingByKey[lower]
	switch {
	case word == "<<":
		return "merging is not supported here; write the keys themselves"
	case strings.Contains(word, ".") && known:
		above, below, _ := strings.Cut(lower, ".")
		return fmt.Sprintf("is written with a dot; write %s: and below it, indented, %s:", above, below)
	case lower != full && (known || isSection(lower)):
		return "is not in lower case; write " + lastWord(lower)
	}
	if near := nearestKey(lower); near != "" {
		return "unknown key; did you mean " + near + "?"
	}
	return "unknown key; known here are " + strings.Join(keysBelow(section), ", ")
}

// showKey keeps an odd key from breaking the message.
func showKey(key string) string { return show(key) }

func (p *strictPass) refuse(at *yaml.Node, key, text string) {
	p.problems = append(p.problems, Problem{Where: p.at(at), Key: key, Text: text})
}

func (p *strictPass) at(node *yaml.Node) string { return fmt.Sprintf("%s:%d", p.name, node.Line) }

func lineOf(p Problem) int {
	line, err := strconv.Atoi(p.Where[strings.LastIndexByte(p.Where, ':')+1:])
	if err != nil {
		return 0 // the file as a whole
	}
	return line
}

// parseYAML returns the documents of the file as they are written.
func parseYAML(data []byte) ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var documents []*yaml.Node
	for {
		document := new(yaml.Node)
		err := decoder.Decode(document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}

// brokenYAML says where a file stops being YAML.
func brokenYAML(name string, data []byte, err error) Problem {
	reason, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if numbered, isNumbered := strings.CutPrefix(reason, "line "); isNumbered {
		number, rest, _ := strings.Cut(numbered, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			reason, line = rest, n
		}
	}
	if strings.HasPrefix(reason, "unknown anchor") {
		reason = "text that begins with * needs quotes" // the rest may be a secret
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	line = firstBrokenLine(lines, min(line, len(lines)))
	text := "is not YAML (" + reason + "); look at the indentation, the quotes and the brackets"
	if indent := bytes.TrimLeft(lines[line-1], " "); bytes.HasPrefix(indent, []byte("\t")) {
		text = "is indented with a tab; YAML wants spaces"
	}
	return Problem{Where: fmt.Sprintf("%s:%d", name, line), Text: text}
}

// firstBrokenLine is the line after the longest beginning of the file that is
// YAML. The parser's own line, which is the answer for a file too large to try,
// is that of the surrounding block, or one too few.
func firstBrokenLine(lines [][]byte, parsers int) int {
	data := bytes.Join(lines, nil)
	const patience = 1 << 20 // bytes to parse, some tenths of a second
	for n, parsed := len(lines)-1, 0; n >= 0; n-- {
		data = data[:len(data)-len(lines[n])]
		if parsed += len(data); parsed > patience {
			return parsers
		}
		if _, err := parseYAML(data); err == nil {
			return n + 1
		}
	}
	return parsers
}
