package main

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	sizeType     = reflect.TypeFor[Size]()
	listType     = reflect.TypeFor[[]string]()
)

// Plain digits only: YAML would read 0755 as octal, 1_000 and 0x10 as numbers,
// and none of them is what the next reader takes it for.
var plainDigits = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func parseDigits(text string) (int64, bool) {
	if !plainDigits.MatchString(text) {
		return 0, false
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil
}

// parse reads text, from a variable or from a flag, as a value of the setting.
// When it cannot, complaint says why and what to write.
func (s setting) parse(text string) (value any, complaint string) {
	switch s.typ {
	case durationType:
		return s.parseDuration(text)
	case sizeType:
		return s.parseSize(text)
	case listType:
		return s.parseList(text)
	}
	switch s.typ.Kind() {
	case reflect.Bool:
		return s.parseBool(text)
	case reflect.Int:
		return s.parseInt(text)
	case reflect.Float64:
		return s.parseFloat(text)
	default:
		return text, ""
	}
}

func (s setting) parseDuration(text string) (any, string) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return nil, fmt.Sprintf("%s has no unit; write %ss for seconds", show(text), text)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, show(text) + " is not a duration; write a number with ms, s, m or h, such as 15s"
	}
	return d, ""
}

func (s setting) parseSize(text string) (any, string) {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return nil, fmt.Sprintf("%s has no unit; write %sB for bytes", show(text), text)
	}
	size, err := ParseSize(text)
	if err != nil {
		return nil, show(text) + " is not a size; write a whole number with B, KiB, MiB, kB or MB, such as 64KiB"
	}
	return size, ""
}

func (s setting) parseList(text string) (any, string) {
	list := []string{}
	if text == "" {
		return list, ""
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, show(text) + " has an empty entry; write the entries with one comma between them"
		}
		list = append(list, item)
	}
	return list, ""
}

func (s setting) parseBool(text string) (any, string) {
	switch text {
	case "true", "True", "TRUE":
		return true, ""
	case "false", "False", "FALSE":
		return false, ""
	}
	mend := "true or false"
	switch strings.ToLower(text) {
	case "yes", "on", "y", "1":
		mend = "true"
	case "no", "off", "n", "0":
		mend = "false"
	}
	return nil, show(text) + " is not true or false; write " + mend
}

func (s setting) parseInt(text string) (any, string) {
	number, ok := parseDigits(text)
	if !ok || int64(int(number)) != number {
		return nil, show(text) + " is not a whole number; write plain digits, such as " + s.example()
	}
	return int(number), ""
}

func (s setting) parseFloat(text string) (any, string) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xXpP_") {
		return nil, show(text) + " is not a number; write digits, such as " + s.example()
	}
	return number, ""
}

// example is a value that is surely right for the setting: its default.
func (s setting) example() string { return plain(s.in(Default()).Interface()) }

// complaints checks a value in the file, as strictly as parse does a variable,
// and returns what is wrong with it: one line, or one per entry of a list.
func (s setting) complaints(node *yaml.Node) []complaint {
	if s.typ != listType {
		if text := s.complaint(node); text != "" {
			return []complaint{{node, text}}
		}
		return nil
	}
	if node.Kind != yaml.SequenceNode || tagged(node) {
		return []complaint{{node, s.notAList(node)}}
	}
	element, found := setting{typ: reflect.TypeFor[string]()}, []complaint(nil)
	for _, item := range node.Content {
		text := element.complaint(item)
		if text == "" && strings.TrimSpace(item.Value) != item.Value || text == "" && item.Value == "" {
			text = show(item.Value) + " is an entry that is empty or has white space around it; remove that"
		}
		if text != "" {
			found = append(found, complaint{item, text})
		}
	}
	return found
}

// A complaint is what is wrong with one value in the file.
type complaint struct {
	at   *yaml.Node
	text string
}

func (s setting) notAList(node *yaml.Node) string {
	switch {
	case isNull(node):
		return "has no value; write [] for none"
	case node.Kind == yaml.ScalarNode && !tagged(node):
		return fmt.Sprintf("%s is not a list; write [%s]", show(node.Value), strconv.Quote(node.Value))
	default:
		return "is not a list; write its entries in [brackets]"
	}
}

func (s setting) complaint(node *yaml.Node) string {
	if text := shapeComplaint(node); text != "" {
		return text
	}
	if isNull(node) {
		if s.typ.Kind() == reflect.String {
			return `has no value; write "" for none`
		}
		return "has no value; write one, such as " + s.example()
	}
	tag := node.ShortTag()
	quoted := tag == "!!str" && node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch s.typ.Kind() {
	case reflect.String:
		return s.notText(node, tag)
	case reflect.Bool, reflect.Int, reflect.Float64:
		if quoted {
			if _, text := s.parse(node.Value); text != "" {
				return text
			}
			return show(node.Value) + " is in quotes; write it without"
		}
	}
	return s.unquotedComplaint(node, tag)
}

// shapeComplaint refuses everything that is not a plain value: structure, and
// the parts of YAML that hide a value from the reader.
func shapeComplaint(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "is an alias; write the value itself (text that begins with * needs quotes)"
	case tagged(node):
		return "has a tag; write the value alone (text that begins with ! needs quotes)"
	case node.Kind == yaml.MappingNode:
		return "has keys below it; write one value"
	case node.Kind == yaml.SequenceNode:
		return "is a list; write one value"
	}
	return ""
}

func (s setting) notText(node *yaml.Node, tag string) string {
	kinds := map[string]string{
		"!!int": "a number", "!!float": "a number", "!!bool": "true or false", "!!timestamp": "a date", "!!merge": "a merge mark",
	}
	kind, wrong := kinds[tag]
	if !wrong {
		return ""
	}
	if s.secret {
		return masked + " is " + kind + ", not text; put it in quotes"
	}
	if strings.HasSuffix(s.key, "listen") {
		return fmt.Sprintf("%s is %s, no address; write host:port, such as 127.0.0.1:8080", show(node.Value), kind)
	}
	return fmt.Sprintf("%s is %s, not text; write %q", show(node.Value), kind, node.Value)
}

func (s setting) unquotedComplaint(node *yaml.Node, tag string) string {
	switch {
	case s.typ.Kind() == reflect.Float64 && tag == "!!float":
		// .nan and .inf are YAML's spellings, and not Go's: the range check
		// refuses them.
		if node.Decode(new(float64)) == nil && !strings.Contains(node.Value, "_") {
			return ""
		}
	case s.typ.Kind() == reflect.Float64 && tag == "!!int":
		if _, ok := parseDigits(node.Value); !ok {
			return show(node.Value) + " is not a number; write digits, such as " + s.example()
		}
	}
	_, text := s.parse(node.Value)
	return text
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func tagged(node *yaml.Node) bool { return node.Style&yaml.TaggedStyle != 0 }
