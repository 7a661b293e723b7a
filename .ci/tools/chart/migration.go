package main

import (
	"errors"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// migration is what TestMigrationChart of cmd/nudge records.
type migration struct {
	Pages    int       `json:"pages"`
	Requests []float64 `json:"requests"`
	Phases   []struct {
		Name string  `json:"name"`
		From float64 `json:"from_s"`
	} `json:"phases"`
}

// drawMigration draws docs/migrate.svg from docs/migrate.json.
func drawMigration(out string, files []string) error {
	if len(files) != 1 {
		return errors.New("name one file: docs/migrate.json")
	}
	file := files[0]
	m, err := read[migration](file)
	if err != nil {
		return err
	}
	if len(m.Requests) == 0 {
		return fmt.Errorf("%s: no requests in it; run make migration", file)
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("Requests of %d pages to the application", m.Pages)
	p.X.Label.Text, p.Y.Label.Text = "seconds", "requests a second"
	points, top := make(plotter.XYs, len(m.Requests)), 0.0
	for i, n := range m.Requests {
		points[i] = plotter.XY{X: float64(i) + 0.5, Y: n}
		top = max(top, n)
	}
	p.Add(plotter.NewGrid())
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = plotutil.Color(0), vg.Points(1.5)
	p.Add(line)
	for _, phase := range m.Phases {
		edge, err := plotter.NewLine(plotter.XYs{{X: phase.From}, {X: phase.From, Y: 1.2 * top}})
		if err != nil {
			return err
		}
		edge.Color = color.Gray{Y: 128}
		name, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: phase.From + 0.7, Y: 1.12 * top}}, Labels: []string{phase.Name}})
		if err != nil {
			return err
		}
		p.Add(edge, name)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(len(m.Requests)), 0, 1.2*top

	canvas, page := blank(3 * vg.Inch)
	p.Draw(draw.Crop(page, vg.Points(8), -vg.Points(12), vg.Points(8), -vg.Points(8)))
	return write(out, canvas)
}
