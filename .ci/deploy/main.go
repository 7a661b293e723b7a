// Command deploy checks deploy/helm and deploy/compose.yaml with the libraries of helm and of compose themselves. It renders the
// chart into testdata, where the tests of cmd/nudge read it. The libraries take one and a half minutes to build, so make test does
// not run it: it only sees whether the chart has changed since.
//
//	go -C .ci/deploy run .   # make helm
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	strict "sigs.k8s.io/yaml"
)

const chartDir = "../../deploy/helm/nudge"

func main() {
	err := compose()
	if err == nil {
		err = charts()
	}
	if err == nil {
		err = note()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "deploy:", err)
		os.Exit(1)
	}
}

// compose loads the compose file as docker compose does.
func compose() error {
	options, err := cli.NewProjectOptions([]string{"../../deploy/compose.yaml"}, cli.WithEnv([]string{"NUDGE_AUTH_SECRET=x"}))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	fmt.Println("deploy/compose.yaml has the services", strings.Join(project.ServiceNames(), ", "))
	return nil
}

// charts lints the chart with each file of values, and renders it beside that.
func charts() error {
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no values in testdata: %v", err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var values map[string]any
		if err := yaml.Unmarshal(text, &values); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		found := lint.RunAll(chartDir, values, "default")
		for _, m := range found.Messages {
			if m.Severity >= support.WarningSev {
				return fmt.Errorf("%s: %w", path, m)
			}
		}
		rendered, err := render(values)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := typed(rendered); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		golden := strings.TrimSuffix(path, ".values.yaml") + ".yaml"
		if err := os.WriteFile(golden, []byte(rendered), 0o644); err != nil {
			return err
		}
		fmt.Println("the chart is right with", path)
	}
	image := map[string]any{"repository": "x"}
	for _, wrong := range []struct {
		values map[string]any
		says   string
	}{
		{map[string]any{}, "set image.repository"},
		{map[string]any{"image": image, "config": map[string]any{"drain": map[string]any{}}}, "set drain.delay and drain.window instead"},
		{map[string]any{"image": image, "secret": map[string]any{"name": ""}}, "set secret.name"},
		{map[string]any{"image": image, "replica": 3}, "replica"},
	} {
		if _, err := render(wrong.values); err == nil || !strings.Contains(err.Error(), wrong.says) {
			return fmt.Errorf("with the values %v the chart does not say %q: %v", wrong.values, wrong.says, err)
		}
	}
	return nil
}

// kinds are the types of Kubernetes that the chart uses. ServiceMonitor is not among them: its types are those of an operator.
var kinds = map[string]func() any{
	"ConfigMap":               func() any { return new(core.ConfigMap) },
	"Deployment":              func() any { return new(apps.Deployment) },
	"HorizontalPodAutoscaler": func() any { return new(autoscaling.HorizontalPodAutoscaler) },
	"NetworkPolicy":           func() any { return new(networking.NetworkPolicy) },
	"PodDisruptionBudget":     func() any { return new(policy.PodDisruptionBudget) },
	"Service":                 func() any { return new(core.Service) },
}

// typed fails if a rendered object has a field that its type does not have.
func typed(rendered string) error {
	for _, text := range strings.Split(rendered, "\n---\n") {
		var object struct{ Kind string }
		if err := strict.Unmarshal([]byte(text), &object); err != nil {
			return err
		}
		if kind := kinds[object.Kind]; kind != nil {
			if err := strict.UnmarshalStrict([]byte(text), kind()); err != nil {
				return fmt.Errorf("%s: %w", object.Kind, err)
			}
		} else if object.Kind != "ServiceMonitor" {
			return fmt.Errorf("what is the type of %q? add it to kinds", object.Kind)
		}
	}
	return nil
}

// note writes the sums of what was checked, so that a test sees a later change.
func note() error {
	files := []string{"../../deploy/compose.yaml"}
	for _, pattern := range []string{chartDir + "/*", chartDir + "/templates/*", "testdata/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	var sums strings.Builder
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), path)
	}
	return os.WriteFile("testdata/SHA256SUMS", []byte(sums.String()), 0o644)
}

// render returns what helm template prints.
func render(values map[string]any) (string, error) {
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		return "", err
	}
	all, err := util.ToRenderValues(c, values, common.ReleaseOptions{Name: "push", Namespace: "default", IsInstall: true, Revision: 1}, common.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if text := strings.TrimSpace(files[name]); text != "" && strings.HasSuffix(name, ".yaml") {
			fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", name, text)
		}
	}
	return out.String(), nil
}
