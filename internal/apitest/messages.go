package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// events hands a stream on, and compares each event of it.
type events struct {
	io.ReadCloser
	text   []byte // of the event that has not come in full
	failed func(error)
}

func (e *events) Read(b []byte) (int, error) {
	n, err := e.ReadCloser.Read(b)
	e.text = append(e.text, b[:n]...)
	for {
		event, rest, whole := bytes.Cut(e.text, []byte("\n\n"))
		if !whole {
			return n, err
		}
		if err := validateEvent(string(event)); err != nil {
			e.failed(fmt.Errorf("%w in the event %.500q", err, event))
		}
		e.text = rest
	}
}

// validateEvent compares one event of a stream with the document. Comments are not described.
func validateEvent(text string) error {
	var name, data string
	headers := map[string]any{}
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "retry":
			headers[field] = json.Number(value)
		case "id":
			headers[field] = value
		}
	}
	if data == "" && len(headers) == 0 && name == "" {
		return nil
	}
	d := asyncapi()
	message := "/channels/events/messages/" + escape(name)
	if d.object(message) == nil {
		return errors.New("it is not in docs/asyncapi.yaml")
	}
	_, at := d.at(message)
	d.note(at)
	if d.object(at)["headers"] != nil {
		if err := d.validate(at+"/headers", headers); err != nil {
			return err
		}
	} else if len(headers) > 0 {
		return fmt.Errorf("docs/asyncapi.yaml says nothing of its fields %v", slices.Collect(maps.Keys(headers)))
	}
	_, at = d.at(at + "/payload")
	return d.validateJSON(at, []byte(data))
}

// Message compares a message in Redis with docs/asyncapi.yaml.
func Message(name string, text []byte) error {
	d := asyncapi()
	channel := d.channel(name)
	if channel == "" {
		return fmt.Errorf("channel %s is not in docs/asyncapi.yaml", name)
	}
	var all []error
	for _, message := range slices.Sorted(maps.Keys(d.object(channel + "/messages"))) {
		_, at := d.at(channel + "/messages/" + message)
		_, payload := d.at(at + "/payload")
		err := d.validateJSON(payload, text)
		if err == nil {
			d.note(at)
			return nil
		}
		all = append(all, err)
	}
	return fmt.Errorf("%s %.500q: %w", name, text, errors.Join(all...))
}

// channel returns the pointer of the channel with this name. The address with the longest beginning that fits is meant.
func (d *document) channel(name string) string {
	best, longest := "", -1
	for id, channel := range d.object("/channels") {
		address := child(channel, "address").(string)
		beginning, parameter, open := strings.Cut(address, "{")
		rest, fits := strings.CutPrefix(name, beginning)
		if open {
			pattern, _ := d.object("/channels/" + id + "/parameters/" + strings.TrimSuffix(parameter, "}"))["x-pattern"].(string)
			fits = fits && rest != "" && (pattern == "" || regexp.MustCompile(pattern).MatchString(rest))
		} else {
			fits = fits && rest == ""
		}
		if fits && len(beginning) > longest {
			best, longest = "/channels/"+id, len(beginning)
		}
	}
	return best
}
