package config

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

// A fileReader reads the file by the keys of Config. It refuses everything that YAML or viper would silently ignore or
// change: unknown, repeated and empty keys, values of another type, numbers without unit, further documents.
type fileReader struct {
	name     string // of the file, for the messages
	values   map[string]any
	origins  map[string]string // where each key is given
	problems Problems
	foreign  bool // it has keys, none of which is ours, or like one of ours
}

// readYAML returns the values of the file, each of its key's type, and where each was given. It also returns all mistakes in
// the file, in the order of its lines. Messages call the file name.
func readYAML(name string, data []byte) (layer, Problems) {
	r := &fileReader{name: name, values: map[string]any{}, origins: map[string]string{}}
	documents, err := parseYAML(data)
	if err != nil {
		return layer{}, Problems{brokenYAML(name, data, err)}
	}
	r.documents(documents)
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return lineOf(a) - lineOf(b) })
	return layer{r.values, r.origins, r.foreign}, r.problems
}

func (r *fileReader) documents(documents []*yaml.Node) {
	if len(documents) > 1 {
		r.refuse(documents[1], "", "a second document begins here; keep only one")
	}
	if len(documents) == 0 || isNull(documents[0].Content[0]) {
		r.problems = append(r.problems, Problem{
			Where: r.name,
			Text:  "is empty; write at least one key, such as heartbeat: 25s, or remove the file",
		})
		return
	}
	root := documents[0].Content[0]
	if root.Kind != yaml.MappingNode || tagged(root) {
		r.refuse(root, "", "holds no keys; write lines such as heartbeat: 25s")
		return
	}
	r.section("", root)
	r.foreign = len(root.Content) > 0
	for i := 0; i < len(root.Content); i += 2 {
		word := strings.ToLower(root.Content[i].Value)
		if _, known := settingByKey[word]; known || isSection(word) || nearestKey(word) != "" {
			r.foreign = false
		}
	}
}

// section reads the keys of one mapping; section is the mapping's own key.
func (r *fileReader) section(section string, node *yaml.Node) {
	first := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || tagged(name) {
			r.refuse(name, section, "a key here is not a plain word; write key: value")
			continue
		}
		key := join(section, name.Value)
		if line, twice := first[name.Value]; twice {
			r.refuse(name, key, fmt.Sprintf("is given twice, first on line %d; keep one", line))
			continue
		}
		first[name.Value] = name.Line
		r.entry(section, key, name, value)
	}
}

func (r *fileReader) entry(section, key string, name, node *yaml.Node) {
	s, known := settingByKey[key]
	// At the top, push.enabled: false would be the known key push.enabled. A key with a dot is refused everywhere.
	if strings.Contains(name.Value, ".") || !known && !isSection(key) {
		r.refuse(name, show(key), unknownKey(section, key, name.Value))
		return
	}
	switch {
	case known:
		r.value(s, name, node)
	case isNull(node):
		r.refuse(name, key, "has nothing below it; write its keys, indented, or remove it")
	case node.Kind == yaml.AliasNode:
		r.refuse(node, key, "is an alias; write its keys below it, indented")
	case node.Kind != yaml.MappingNode || tagged(node):
		r.refuse(node, key, "is a section; write its keys below it, indented, such as "+keysBelow(key)[0]+": …")
	default:
		r.section(key, node)
	}
}

func (r *fileReader) value(s setting, name, node *yaml.Node) {
	r.origins[s.key] = r.at(name)
	value, complaints := s.read(node)
	for _, c := range complaints {
		if isNull(c.at) {
			c.at = name // the line of the key, since YAML may place an absent value some lines below
		}
		r.refuse(c.at, s.key, c.text)
	}
	if len(complaints) == 0 {
		r.values[s.key] = value
	}
}

// unknownKey says how to fix an unknown key.
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
	return "unknown key; the keys here are " + strings.Join(keysBelow(section), ", ")
}

func (r *fileReader) refuse(at *yaml.Node, key, text string) {
	r.problems = append(r.problems, Problem{Where: r.at(at), Key: key, Text: text})
}

func (r *fileReader) at(node *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, node.Line) }

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

// brokenYAML says where the syntax error of a file is.
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
	text := "is not YAML (" + reason + "); check the indentation, the quotes and the brackets"
	if indent := bytes.TrimLeft(lines[line-1], " "); bytes.HasPrefix(indent, []byte("\t")) {
		text = "is indented with a tab; indent it with spaces"
	}
	return Problem{Where: fmt.Sprintf("%s:%d", name, line), Text: text}
}

// firstBrokenLine returns the line after the longest beginning of the file that is YAML. The parser itself names the line of
// the surrounding block, or the line before. For a file that is too large to try, firstBrokenLine returns that one.
func firstBrokenLine(lines [][]byte, named int) int {
	data := bytes.Join(lines, nil)
	const most = 1 << 20 // bytes to parse, some tenths of a second
	for n, parsed := len(lines)-1, 0; n >= 0; n-- {
		data = data[:len(data)-len(lines[n])]
		if parsed += len(data); parsed > most {
			return named
		}
		if _, err := parseYAML(data); err == nil {
			return n + 1
		}
	}
	return named
}
