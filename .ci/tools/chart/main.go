// Command chart draws docs/capacity.svg from results of nudge load, as docs/capacity.md says:
//
//	go -C .ci/tools run ./chart ../../docs/capacity/*.json
//
// With -migration it draws docs/migrate.svg, as make migration does, and with -simulate docs/simulate.svg, as docs/cadence.md says.
//
// Each file is one run with --json, against a gateway of its own, with another number of streams of one project.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"os"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// result is what the chart needs of load.Result.
type result struct {
	Streams struct {
		Open float64 `json:"open"`
	} `json:"streams"`
	Deliver struct {
		Latency percentiles `json:"latency_ms"`
		All     percentiles `json:"all_ms"`
	} `json:"deliver"`
	Server struct {
		Before float64 `json:"pss_before_bytes"`
		After  float64 `json:"pss_after_bytes"`
	} `json:"server"`
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func main() {
	out := flag.String("o", "", "the file to write (default: ../../docs/capacity.svg, migrate.svg or simulate.svg)")
	migration := flag.Bool("migration", false, "draw docs/migrate.svg from one file instead")
	simulate := flag.Bool("simulate", false, "draw docs/simulate.svg from results of nudge simulate instead")
	flag.Parse()
	name, draw := "capacity", drawCapacity
	switch {
	case *migration:
		name, draw = "migrate", drawMigration
	case *simulate:
		name, draw = "simulate", drawSimulations
	}
	if err := draw(cmp.Or(*out, "../../docs/"+name+".svg"), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func drawCapacity(out string, files []string) error {
	if len(files) < 2 {
		return errors.New("name two results or more, each with another number of streams")
	}
	var all []result
	for _, file := range files {
		r, err := read[result](file)
		if err != nil {
			return err
		}
		if r.Streams.Open == 0 || r.Deliver.Latency.P50 == 0 || r.Server.After == 0 {
			return fmt.Errorf("%s: no streams, no latency or no memory in it; run nudge load --json with a rate, on the gateway's machine", file)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b result) int { return cmp.Compare(a.Streams.Open, b.Streams.Open) })

	latency := newPlot("From publish to read", "milliseconds")
	memory := newPlot("Memory of the gateway", "MB above an empty one")
	for i, line := range []struct {
		to   *plot.Plot
		name string
		y    func(result) float64
	}{
		{latency, "last watcher, median", func(r result) float64 { return r.Deliver.All.P50 }},
		{latency, "99 % of deliveries", func(r result) float64 { return r.Deliver.Latency.P99 }},
		{latency, "half of deliveries", func(r result) float64 { return r.Deliver.Latency.P50 }},
		{memory, "", func(r result) float64 { return (r.Server.After - r.Server.Before) / 1e6 }},
	} {
		points := make(plotter.XYs, len(all))
		for j, r := range all {
			points[j] = plotter.XY{X: r.Streams.Open, Y: line.y(r)}
		}
		l, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		l.Color, dots.Color, dots.Shape = plotutil.Color(i), plotutil.Color(i), draw.CircleGlyph{}
		l.Width = vg.Points(1.5)
		line.to.Add(l, dots)
		if line.name != "" {
			line.to.Legend.Add(line.name, l, dots)
		}
	}

	latency.Y.Max *= 1.3 // room for the legend

	canvas, page := blank(3.5 * vg.Inch)
	tiles := draw.Tiles{Rows: 1, Cols: 2, PadX: vg.Points(16), PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12)}
	latency.Draw(tiles.At(page, 0, 0))
	memory.Draw(tiles.At(page, 1, 0))
	return write(out, canvas)
}

func newPlot(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "streams of one project", y
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	return p
}

// read reads one result.
func read[T any](file string) (r T, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// blank returns a page of this height.
func blank(height vg.Length) (*vgsvg.Canvas, draw.Canvas) {
	canvas := vgsvg.New(9*vg.Inch, height)
	page := draw.New(canvas)
	page.SetColor(color.White) // a dark page would show black on black
	page.Fill(page.Rectangle.Path())
	return canvas, page
}

func write(out string, canvas *vgsvg.Canvas) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
