package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"nudge/cmd/nudge/config"
)

// The libraries of helm and compose are not built for each test run. They have checked what is there now.
func TestDeploymentsAreChecked(t *testing.T) {
	dir := "../../.ci/deploy"
	sums, err := os.ReadFile(filepath.Join(dir, "testdata/SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]bool{}
	for line := range strings.Lines(string(sums)) {
		want, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		checked[path] = true
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(text)) != want {
			t.Errorf("%s was changed (%v): run make helm", path, err)
		}
	}
	for _, pattern := range []string{"../../deploy/helm/nudge/*.*", "../../deploy/helm/nudge/templates/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			if name, _ := filepath.Rel(dir, file); !checked[name] {
				t.Errorf("%s is new: run make helm", name)
			}
		}
	}
}

// deployed is what this test reads of a rendered Deployment and ConfigMap.
type deployed struct {
	Kind string
	Data map[string]string
	Spec struct {
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Env []struct{ Name, Value string }
				}
			}
		}
	}
}

// The gateway takes the configuration that the chart renders, with the variables of its container, and a pod lives as long as a drain takes.
func TestChart(t *testing.T) {
	for _, name := range []string{"least", "most"} {
		t.Run(name, func(t *testing.T) { checkChart(t, name) })
	}
}

func checkChart(t *testing.T, name string) {
	text, err := os.ReadFile("../../.ci/deploy/testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var pod, settings deployed
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var object deployed
		if d.Decode(&object) != nil {
			break
		}
		switch object.Kind {
		case "Deployment":
			pod = object
		case "ConfigMap":
			settings = object
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	write(t, file, settings.Data["config.yaml"])
	spec := pod.Spec.Template.Spec
	env := map[string]string{}
	for _, v := range spec.Containers[0].Env {
		if strings.HasSuffix(v.Name, "_FILE") {
			secret := filepath.Join(dir, filepath.Base(v.Value))
			write(t, secret, map[bool]string{true: testSecret, false: "redis://redis:6379"}[v.Name == "NUDGE_AUTH_SECRET_FILE"])
			v.Value = secret
		}
		env[v.Name] = v.Value
	}
	env["NUDGE_CONFIG"] = file
	for name, value := range env {
		t.Setenv(name, value)
	}
	loaded, err := config.Loader{Path: file, Purpose: config.ForServing}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Warnings) > 0 {
		t.Errorf("warnings: %q", loaded.Warnings)
	}
	c := loaded.Config
	if c.Redis.Mode != "standalone" || c.Listen != ":8080" {
		t.Errorf("listens on %s, redis %s", c.Listen, c.Redis.Mode)
	}
	if needs := c.Drain.Delay + c.Drain.Window + stopTime; time.Duration(spec.Grace)*time.Second != needs {
		t.Errorf("the pod has %d s to end, and needs %s", spec.Grace, needs)
	}
}

// The unit gives the default drain its time, and the chart is of this release.
func TestUnitAndChartFit(t *testing.T) {
	unit, err := os.ReadFile("../../deploy/nudge.service")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("\nTimeoutStopSec=%.0f\n", (5*time.Second + 20*time.Second + stopTime).Seconds()); !strings.Contains(string(unit), want) {
		t.Errorf("the unit lacks %q", want)
	}
	chart, err := os.ReadFile("../../deploy/helm/nudge/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var of struct {
		Version    string
		AppVersion string `yaml:"appVersion"`
	}
	if err := yaml.Unmarshal(chart, &of); err != nil || of.Version != release || of.AppVersion != release {
		t.Errorf("the chart is of %s for %s, the gateway of %s (%v)", of.Version, of.AppVersion, release, err)
	}
	schema, err := os.ReadFile("../../deploy/helm/nudge/values.schema.json")
	if err != nil || !json.Valid(schema) {
		t.Errorf("values.schema.json is no JSON (%v)", err)
	}
}

var (
	yamlBlock   = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	ourVariable = regexp.MustCompile(`NUDGE_[A-Z_]+[A-Z]`)
)

// What docs/deploy.md and the compose file set is what a gateway reads.
func TestDeployedVariables(t *testing.T) {
	page, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile("../../deploy/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 3 {
		t.Errorf("%d examples in YAML", len(blocks))
	}
	for _, block := range blocks {
		if err := yaml.Unmarshal([]byte(block[1]), new(any)); err != nil {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
	notOurs := map[string]bool{"NUDGE_IMAGE": true, "NUDGE_TEST_REQUIRE": true} // of the compose file, of tests
	for _, name := range ourVariable.FindAllString(string(page)+string(compose), -1) {
		if notOurs[name] {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Setenv("NUDGE_CONFIG", "none")
			t.Setenv("NUDGE_AUTH_SECRET", testSecret)
			if name != "NUDGE_CONFIG" && name != "NUDGE_AUTH_SECRET" {
				t.Setenv(name, "x")
			}
			loaded, err := config.Loader{Purpose: config.ForServing}.Load()
			if err == nil && len(loaded.Warnings) > 0 { // else it was read, and its value may be wrong
				t.Error(loaded.Warnings)
			}
		})
	}
}
