package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

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
