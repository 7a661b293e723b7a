package main

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// simulation is what the chart needs of simulate.Result.
type simulation struct {
	Script   string `json:"script"`
	Browsers int    `json:"browsers"`
	Seconds  []struct {
		Polls float64 `json:"polls"`
		Empty float64 `json:"empty"`
		Most  float64 `json:"most"`
	} `json:"seconds"`
}

// drawSimulations draws docs/simulate.svg: a panel for each file, with polls per second, and how many promise 2 allows.
func drawSimulations(out string, files []string) error {
	if len(files) == 0 {
		return fmt.Errorf("no results; name files that nudge simulate --json wrote")
	}
	const columns = 2
	rows := (len(files) + columns - 1) / columns
	canvas, page := blank(vg.Length(rows) * 2.4 * vg.Inch)
	tiles := draw.Tiles{
		Rows: rows, Cols: columns, PadX: vg.Points(16), PadY: vg.Points(12),
		PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(12),
	}
	for i, file := range files {
		p, err := panel(file)
		if err != nil {
			return err
		}
		p.Draw(tiles.At(page, i%columns, i/columns))
	}
	return write(out, canvas)
}

// panel is one run.
func panel(file string) (*plot.Plot, error) {
	r, err := read[simulation](file)
	if err != nil {
		return nil, err
	}
	if len(r.Seconds) == 0 {
		return nil, fmt.Errorf("%s: no seconds in it; run nudge simulate --json", file)
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, %d browsers", r.Script, r.Browsers)
	p.X.Label.Text, p.Y.Label.Text = "seconds", "polls per second"
	p.X.Min, p.Y.Min = 0, 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	polls, empty, most := make(plotter.XYs, len(r.Seconds)), make(plotter.XYs, len(r.Seconds)), make(plotter.XYs, len(r.Seconds))
	top := 0.0
	for i, s := range r.Seconds {
		x := float64(i)
		polls[i], empty[i], most[i] = plotter.XY{X: x, Y: s.Polls}, plotter.XY{X: x, Y: s.Empty}, plotter.XY{X: x, Y: s.Most}
		top = max(top, s.Polls, s.Most)
	}
	for i, line := range []struct {
		name string
		is   plotter.XYs
	}{{"all polls", polls}, {"those that find nothing", empty}, {"allowed", most}} {
		l, err := plotter.NewLine(line.is)
		if err != nil {
			return nil, err
		}
		l.Color, l.Width = plotutil.Color(i), vg.Points(1)
		if line.name == "allowed" {
			l.Dashes = plotutil.Dashes(1)
		}
		p.Add(l)
		p.Legend.Add(line.name, l)
	}
	p.Y.Max = top * 1.35 // room for the legend
	return p, nil
}
