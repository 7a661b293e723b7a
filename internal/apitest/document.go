// Package apitest compares what the tests see of Nudge with docs/openapi.yaml and docs/asyncapi.yaml. What is not in these
// documents fails the test that sees it.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// document is one of the two documents, with the schemas in it.
type document struct {
	name     string
	root     any
	mu       sync.Mutex
	compiler *jsonschema.Compiler          // guarded by mu
	compiled map[string]*jsonschema.Schema // guarded by mu, by pointer
	seen     map[string]bool               // guarded by mu: what the tests saw of it, by pointer
	places   sync.Map                      // what at has found, by pointer: a place
}

// place is a value, and the pointer to it behind all references.
type place struct {
	value   any
	pointer string
}

// Path returns the path of a file of the repository.
func Path(elements ...string) string {
	_, self, _, _ := runtime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(filepath.Dir(filepath.Dir(self)))}, elements...)...)
}

// Read reads a YAML file of docs as JSON values.
func Read(name string) (any, error) {
	text, err := os.ReadFile(Path("docs", name))
	if err != nil {
		return nil, err
	}
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if text, err = json.Marshal(value); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

func load(name string) *document {
	root, err := Read(name)
	if err != nil {
		panic(err)
	}
	d := &document{name: name, root: root, compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}, seen: map[string]bool{}}
	d.compiler.AssertFormat()
	d.add(name, root)
	return d
}

func (d *document) add(name string, root any) {
	if err := d.compiler.AddResource("file:///"+name, root); err != nil {
		panic(err)
	}
}

// at returns the value at a pointer, and the pointer behind all references; nil: there is none. Each answer of a gateway is
// compared with dozens of them, so what was found once is kept.
func (d *document) at(pointer string) (any, string) {
	if p, ok := d.places.Load(pointer); ok {
		return p.(place).value, p.(place).pointer
	}
	value, at := d.find(pointer)
	d.places.Store(pointer, place{value, at})
	return value, at
}

func (d *document) find(pointer string) (any, string) {
	value, at := d.root, ""
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if value = child(value, step); value == nil {
			return nil, ""
		}
		at += "/" + step
		if to, ok := child(value, "$ref").(string); ok {
			value, at = d.at(strings.TrimPrefix(to, "#"))
		}
	}
	return value, at
}

// object returns the object at a pointer; empty: there is none.
func (d *document) object(pointer string) map[string]any {
	value, _ := d.at(pointer)
	object, _ := value.(map[string]any)
	return object
}

func child(value any, step string) any {
	object, _ := value.(map[string]any)
	return object[unescaped.Replace(step)]
}

// escape writes a name as one step of a pointer.
func escape(name string) string { return escaped.Replace(name) }

var (
	escaped   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaped = strings.NewReplacer("~1", "/", "~0", "~")
)

// note remembers that the tests saw what is at a pointer.
func (d *document) note(pointer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[pointer] = true
}

// validate compares a value with the schema at a pointer.
func (d *document) validate(pointer string, value any) error {
	d.mu.Lock()
	schema, ok := d.compiled[pointer]
	if !ok {
		var err error
		if schema, err = d.compiler.Compile("file:///" + d.name + "#" + strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D").Replace(pointer)); err != nil {
			d.mu.Unlock()
			return err
		}
		d.compiled[pointer] = schema
	}
	d.mu.Unlock()
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("docs/%s%s: %w", d.name, pointer, err)
	}
	return nil
}

// validateJSON compares JSON text with the schema at a pointer.
func (d *document) validateJSON(pointer string, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return d.validate(pointer, value)
}
