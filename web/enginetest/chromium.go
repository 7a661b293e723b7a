//go:build unix

package enginetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"nudge/internal/exectest"
)

// Chromium starts a Chromium.
func Chromium(t testing.TB, o Options) *Browser {
	t.Helper()
	path := program(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(modest(t, path)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("ignore-certificate-errors", true))
	var rules []string
	for _, host := range o.Hosts {
		rules = append(rules, "MAP "+host+" 127.0.0.1")
	}
	if rules != nil {
		flags = append(flags, chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")))
	}
	if o.Extension != nil {
		flags = append(flags, chromedp.Flag("disable-extensions", false), chromedp.Flag("load-extension", unpacked(t, o)))
	}
	group := exectest.NewGroup()
	t.Cleanup(group.Kill)
	flags = append(flags, chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { group.Add(cmd) }))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{"chromium", &chromium{ctx}}
}

// modest returns a script that starts the program without the right to raise its priority. Chromium does that as root, and
// then nothing else gets on beside it: gateways and other browsers would miss their times.
func modest(t testing.TB, program string) string {
	t.Helper()
	if os.Getuid() != 0 {
		return program
	}
	const script = `#!/bin/sh
without="setpriv --bounding-set -sys_nice --inh-caps -sys_nice"
$without true 2>/dev/null || without=
exec $without '%s' "$@"
`
	path := filepath.Join(t.TempDir(), "chromium")
	if err := os.WriteFile(path, fmt.Appendf(nil, script, program), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// chromium opens tabs. Each is a context that chromedp has made.
type chromium struct{ browser context.Context }

func (c *chromium) open(ctx context.Context, url string) (any, error) {
	tab, _ := chromedp.NewContext(c.browser)
	if err := chromedp.Do(tab); err != nil { // the tab ends with the context that it begins in
		return nil, err
	}
	return tab, navigate(ctx, tab, url)
}

func (c *chromium) navigate(ctx context.Context, tab any, url string) error {
	return navigate(ctx, tab, url)
}

func (c *chromium) evaluate(ctx context.Context, tab any, expression string) (string, error) {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	return chromedp.Run(bounded, chromedp.Evaluate[string](expression, func(p *runtime.EvaluateParams) { chromedp.EvalAwaitPromise(p) }))
}

// offline stops requests from now on; what is open stays open, as when a cable is pulled.
func (c *chromium) offline(ctx context.Context, tab any, is bool) error {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	rule := &network.Conditions{Offline: is, DownloadThroughput: -1, UploadThroughput: -1}
	if _, err := chromedp.Call(bounded, network.Enable, network.EnableParams{}); err != nil {
		return err
	}
	if _, err := chromedp.Call(bounded, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: []*network.Conditions{rule}}); err != nil {
		return err
	}
	_, err := chromedp.Call(bounded, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: is, DownloadThroughput: -1, UploadThroughput: -1})
	return err
}

func (c *chromium) show(ctx context.Context, tab any, s Screen) error {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	if _, err := chromedp.Call(bounded, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(s.Width), Height: int64(s.Height), DeviceScaleFactor: 1, Mobile: s.Width < 600,
	}); err != nil {
		return err
	}
	theme, motion := "light", "no-preference"
	if s.Dark {
		theme = "dark"
	}
	if s.Calm {
		motion = "reduce"
	}
	_, err := chromedp.Call(bounded, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: motion},
	}})
	return err
}

func (c *chromium) picture(ctx context.Context, tab any) ([]byte, error) {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	return chromedp.Run(bounded, chromedp.CaptureScreenshot())
}

func (c *chromium) freeze(ctx context.Context, tab any) error {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	_, err := chromedp.Call(bounded, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateStateFrozen})
	return err
}

// crash gets no answer: whoever would give it is gone.
func (c *chromium) crash(_ context.Context, tab any) error {
	bounded, cancel := context.WithTimeout(tab.(context.Context), time.Second)
	defer cancel()
	chromedp.Call(bounded, page.Crash, cdp.Empty{})
	return nil
}

func (c *chromium) close(_ context.Context, tab any) error {
	return chromedp.Cancel(tab.(context.Context))
}

func navigate(ctx context.Context, tab any, url string) error {
	bounded, cancel := within(ctx, tab)
	defer cancel()
	return chromedp.Do(bounded, chromedp.Navigate(url))
}

// within is a tab's context, for as long as ctx.
func within(ctx context.Context, tab any) (context.Context, context.CancelFunc) {
	end, _ := ctx.Deadline()
	return context.WithDeadline(tab.(context.Context), end)
}
