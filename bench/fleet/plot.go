package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"time"
)

//go:embed plot.svg.tmpl
var plotText string

var plotTemplate = template.Must(template.New("plot").Parse(plotText))

// The measures of the picture, in pixels.
const (
	panelWidth, panelHeight = 380, 320
	panelLeft, panelTop     = 70, 40
	panelGap                = 90
	legendLine              = 20
)

// Colours that people tell apart who see few of them (Okabe and Ito); gen's is the
// first.
var colours = []string{"#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7", "#000000", "#777777", "#56B4E9"}

// picture is what the template draws.
type picture struct {
	Width, Height int
	Panels        []panel
	Legend        []legend
}

type panel struct {
	Title                    string
	Left, Top, Right, Bottom float64
	X, Y                     []tick
	Lines                    []line
}

type tick struct {
	At   float64
	Text string
}

type line struct {
	Colour string
	Path   string
	Points []point
}

type point struct {
	X, Y  float64
	Title string
}

type legend struct {
	X, Y   int
	Colour string
	Text   string
}

// plot draws wall time and peak memory over the number of releases, both axes
// logarithmic.
func (r report) plot() ([]byte, error) {
	p := picture{Width: panelLeft + 2*panelWidth + panelGap + 20}
	for i, what := range []struct {
		title string
		value func([]measurement) float64
		show  func(float64) string
	}{
		{"wall time", func(all []measurement) float64 { return median(wall(all)) / float64(time.Second) }, showSeconds},
		{"peak memory", func(all []measurement) float64 { return median(memory(all)) / (1 << 20) }, func(v float64) string { return fmt.Sprintf("%g MiB", v) }},
	} {
		p.Panels = append(p.Panels, r.panel(what.title, float64(panelLeft+i*(panelWidth+panelGap)), what.value, what.show))
	}
	top := panelTop + panelHeight + 56
	for i, c := range r.Contenders {
		p.Legend = append(p.Legend, legend{panelLeft + i%2*(panelWidth+panelGap), top + i/2*legendLine, colours[i%len(colours)], c.label})
	}
	p.Height = top + (len(r.Contenders)+1)/2*legendLine
	var text bytes.Buffer
	err := plotTemplate.Execute(&text, p)
	return text.Bytes(), err
}

func showSeconds(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%g ms", v*1000)
	}
	return fmt.Sprintf("%g s", v)
}

func (r report) panel(title string, left float64, value func([]measurement) float64, show func(float64) string) panel {
	p := panel{Title: title, Left: left, Top: panelTop, Right: left + panelWidth, Bottom: panelTop + panelHeight}
	low, high := math.Inf(1), math.Inf(-1)
	for _, size := range r.sizes() {
		for _, c := range r.Contenders {
			if v := value(r.of(size, c.name, "")); v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if math.IsInf(low, 1) {
		return p // It is not known here.
	}
	sizes := r.sizes()
	x := newAxis(float64(sizes[0]), float64(sizes[len(sizes)-1]), p.Left, p.Right)
	y := newAxis(low, high, p.Bottom, p.Top)
	p.X = x.ticks(func(v float64) string { return fmt.Sprintf("%g", v) })
	p.Y = y.ticks(show)
	for i, c := range r.Contenders {
		l := line{Colour: colours[i%len(colours)]}
		for _, size := range sizes {
			v := value(r.of(size, c.name, ""))
			if v <= 0 {
				continue
			}
			at := point{x.place(float64(size)), y.place(v), fmt.Sprintf("%s, %d releases: %s", c.label, size, show(round(v)))}
			command := "L"
			if len(l.Points) == 0 {
				command = "M"
			}
			l.Path += fmt.Sprintf("%s%.1f %.1f", command, at.X, at.Y)
			l.Points = append(l.Points, at)
		}
		p.Lines = append(p.Lines, l)
	}
	return p
}

// round keeps three digits.
func round(v float64) float64 {
	scale := math.Pow(10, math.Floor(math.Log10(v))-2)
	return math.Round(v/scale) * scale
}

// axis is a logarithmic one, in whole powers of ten.
type axis struct{ low, high, from, to float64 }

func newAxis(low, high, from, to float64) axis {
	a := axis{math.Floor(math.Log10(low)), math.Ceil(math.Log10(high)), from, to}
	if a.low == a.high {
		a.high++
	}
	return a
}

func (a axis) place(v float64) float64 {
	return a.from + (math.Log10(v)-a.low)/(a.high-a.low)*(a.to-a.from)
}

func (a axis) ticks(show func(float64) string) []tick {
	var ticks []tick
	for e := a.low; e <= a.high; e++ {
		v := math.Pow(10, e)
		ticks = append(ticks, tick{a.place(v), show(v)})
	}
	return ticks
}
