package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A complaint is a mistake in one value of the file.
type complaint struct {
	at   *yaml.Node
	text string
}

// read returns the value in the file, or the mistakes in it: one complaint, or one for each entry of a list. It is as strict
// as parse, which reads variables.
func (s setting) read(node *yaml.Node) (value any, complaints []complaint) {
	if s.typ == issuersType {
		return readIssuers(node)
	}
	if s.typ != listType {
		value, text := s.readOne(node)
		if text != "" {
			return nil, []complaint{{node, text}}
		}
		return value, nil
	}
	if node.Kind != yaml.SequenceNode || tagged(node) {
		return nil, []complaint{{node, s.notAList(node)}}
	}
	entry, list := setting{typ: reflect.TypeFor[string]()}, []string{}
	for _, item := range node.Content {
		_, text := entry.readOne(item)
		if text == "" && (item.Value == "" || strings.TrimSpace(item.Value) != item.Value) {
			text = show(item.Value) + " is an entry that is empty or has white space around it; remove that"
		}
		if text != "" {
			complaints = append(complaints, complaint{item, text})
		}
		list = append(list, item.Value)
	}
	return list, complaints
}

func (s setting) notAList(node *yaml.Node) string {
	switch {
	case isNull(node):
		return "has no value; write [] for none"
	case node.Kind == yaml.ScalarNode && !tagged(node):
		return fmt.Sprintf("%s is not a list; write [%s]", show(node.Value), strconv.Quote(Hide(node.Value)))
	default:
		return "is not a list; write its entries in [brackets]"
	}
}

// readOne reads a value that is not a list.
func (s setting) readOne(node *yaml.Node) (value any, complaint string) {
	if complaint := shapeComplaint(node); complaint != "" {
		return nil, complaint
	}
	kind := s.typ.Kind()
	if isNull(node) {
		if kind == reflect.String {
			return nil, `has no value; write "" for none`
		}
		return nil, "has no value; write one, such as " + s.example()
	}
	tag := node.ShortTag()
	switch {
	case kind == reflect.String:
		return node.Value, s.notText(node, tag)
	case kind == reflect.Float64 && tag == "!!float" && !strings.Contains(node.Value, "_"):
		// .nan and .inf are YAML's spellings, and not Go's. The range check refuses them.
		var number float64
		if node.Decode(&number) == nil {
			return number, ""
		}
	case kind == reflect.Float64 && tag == "!!int":
		if _, ok := parseDigits(node.Value); !ok {
			return nil, show(node.Value) + " is not a number; write digits, such as " + s.example()
		}
	}
	value, complaint = s.parse(node.Value)
	bare := kind == reflect.Bool || kind == reflect.Int || kind == reflect.Float64
	if bare && complaint == "" && tag == "!!str" && quoted(node) {
		return nil, show(node.Value) + " is in quotes; write it without"
	}
	return value, complaint
}

// shapeComplaint refuses everything that is not a plain value: lists, sections,
// aliases and tags.
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
		return fmt.Sprintf("%s is %s, not an address; write host:port, such as 127.0.0.1:8080", show(node.Value), kind)
	}
	return fmt.Sprintf("%s is %s, not text; write %q", show(node.Value), kind, Hide(node.Value))
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func tagged(node *yaml.Node) bool { return node.Style&yaml.TaggedStyle != 0 }

func quoted(node *yaml.Node) bool {
	return node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}
