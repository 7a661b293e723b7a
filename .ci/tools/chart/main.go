// Command chart draws docs/capacity.svg from results of nudge load, as docs/capacity.md says:
//
//	go -C .ci/tools run ./chart ../../docs/capacity/*.json
//
// With -migration it draws docs/migrate.svg, as make migration does.
//
// Each file is one run with --json, against a gateway of its own, with another number of streams of one project.
package main

import (
	"cmp"
	"encoding/json"
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
	out := flag.String("o", "../../docs/capacity.svg", "the file to write")
	migration := flag.String("migration", "", "draw docs/migrate.svg from this file instead")
	flag.Parse()
	var err error
	if *migration != "" {
		err = drawMigration(*out, *migration)
	} else {
		err = run(*out, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(out string, files []string) error {
	if len(files) < 2 {
		return fmt.Errorf("%d results; name two or more, each with another number of streams", len(files))
	}
	var all []result
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var r result
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("%s: %w", file, err)
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

	const width, height = 9 * vg.Inch, 3.5 * vg.Inch
	canvas := vgsvg.New(width, height)
	page := draw.New(canvas)
	page.SetColor(color.White) // a dark page would show black on black
	page.Fill(page.Rectangle.Path())
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
