package report

import (
	"math"
	"slices"

	"gitlab.com/towpath/towpath/gen/diff"
)

// picture is a drawing of the objects of a release and what each selects, mounts,
// scales or routes to. It is laid out here and drawn by the page: from left to
// right, in layers, with as few lines crossing as a few sweeps achieve. The same
// objects make the same picture every time.
type picture struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Nodes  []node `json:"nodes"`
	Edges  []edge `json:"edges"`
	// Hidden are objects without a line that stay as they are.
	Hidden int `json:"hidden,omitempty"`
}

// node is an object with the left upper corner of its box.
type node struct {
	Object int `json:"o"`
	X      int `json:"x"`
	Y      int `json:"y"`
}

// edge is a line from one object to another: the points that it goes through.
type edge struct {
	From   int      `json:"from"`
	To     int      `json:"to"`
	Points [][2]int `json:"points"`
}

// The measures of a picture.
const (
	boxWidth, boxHeight = 200, 44
	gapX, gapY          = 72, 14
	laneHeight          = 10 // of a line that passes through a layer
	margin              = 2
	perRow              = 4 // boxes without a line, below the others
)

// spot is a place in a layer: a box, or where a line passes between the boxes.
type spot struct {
	object   int // -1 for a passing line
	layer    int
	y        int
	in, out  []int
	position float64
}

func (s spot) height() int {
	if s.object < 0 {
		return laneHeight
	}
	return boxHeight
}

// draw lays the objects of a release out.
func draw(objects []diff.Object) *picture {
	links := linked(objects)
	p := &picture{Nodes: []node{}, Edges: []edge{}}
	layers := layered(links)
	var spots []spot
	where := map[int]int{}
	var single []int
	for i, o := range objects {
		switch {
		case layers[i] >= 0:
			where[i] = len(spots)
			spots = append(spots, spot{object: i, layer: layers[i]})
		case o.Change != diff.Unchanged:
			single = append(single, i)
		default:
			p.Hidden++
		}
	}
	// A line that spans layers passes through a spot in each between.
	type route struct{ from, to, first int }
	var routes []route
	for from, targets := range links {
		for _, to := range targets {
			left, right := where[from], where[to]
			if spots[left].layer > spots[right].layer {
				left, right = right, left // It closes a circle.
			}
			routes = append(routes, route{from, to, len(spots)})
			last := left
			for layer := spots[left].layer + 1; layer < spots[right].layer; layer++ {
				spots = append(spots, spot{object: -1, layer: layer})
				spots[last].out = append(spots[last].out, len(spots)-1)
				spots[len(spots)-1].in = append(spots[len(spots)-1].in, last)
				last = len(spots) - 1
			}
			spots[last].out = append(spots[last].out, right)
			spots[right].in = append(spots[right].in, last)
		}
	}
	bottom := place(spots)
	for _, s := range spots {
		if s.object >= 0 {
			p.Nodes = append(p.Nodes, node{s.object, x(s.layer), s.y})
		}
	}
	for k, r := range routes {
		end := len(spots)
		if k+1 < len(routes) {
			end = routes[k+1].first
		}
		p.Edges = append(p.Edges, edge{r.from, r.to, points(spots, where[r.from], where[r.to], r.first, end)})
	}
	for k, i := range single {
		if k%perRow == 0 && bottom > margin {
			bottom += gapY
		}
		p.Nodes = append(p.Nodes, node{i, margin + k%perRow*(boxWidth+gapX/3), bottom})
		if k%perRow == perRow-1 || k == len(single)-1 {
			bottom += boxHeight
		}
	}
	for _, n := range p.Nodes {
		p.Width = max(p.Width, n.X+boxWidth+margin)
	}
	p.Height = bottom + margin
	return p
}

func x(layer int) int { return margin + layer*(boxWidth+gapX) }

// points are those of a line: from the right of one box through the passing spots
// to the left of the other.
func points(spots []spot, from, to, first, end int) [][2]int {
	if spots[from].layer > spots[to].layer {
		reversed := points(spots, to, from, first, end)
		slices.Reverse(reversed)
		return reversed
	}
	line := [][2]int{{x(spots[from].layer) + boxWidth, spots[from].y + boxHeight/2}}
	for i := first; i < end; i++ {
		y := spots[i].y + laneHeight/2
		line = append(line, [2]int{x(spots[i].layer), y}, [2]int{x(spots[i].layer) + boxWidth, y})
	}
	return append(line, [2]int{x(spots[to].layer), spots[to].y + boxHeight/2})
}

// linked returns for each object the indexes of those that it refers to, without
// itself and without repetitions.
func linked(objects []diff.Object) [][]int {
	index := map[string]int{}
	for i, o := range objects {
		index[o.ID] = i
	}
	links := make([][]int, len(objects))
	for i, o := range objects {
		for _, id := range o.Refers {
			if j, ok := index[id]; ok && j != i && !slices.Contains(links[i], j) && !slices.Contains(links[j], i) {
				links[i] = append(links[i], j)
			}
		}
		slices.Sort(links[i])
	}
	return links
}

// layered returns the layer of each object: right of all that refer to it, and
// as near as possible to what it refers to; -1 for one without a line.
func layered(links [][]int) []int {
	back := circles(links)
	layers := make([]int, len(links))
	alone := make([]bool, len(links))
	for i := range alone {
		alone[i] = true
	}
	for i, targets := range links {
		for _, j := range targets {
			alone[i], alone[j] = false, false
		}
	}
	each := func(do func(from, to int)) {
		for from, targets := range links {
			for _, to := range targets {
				if back[[2]int{from, to}] {
					do(to, from)
				} else {
					do(from, to)
				}
			}
		}
	}
	for again := true; again; {
		again = false
		each(func(from, to int) {
			if layers[to] <= layers[from] {
				layers[to], again = layers[from]+1, true
			}
		})
	}
	// What nothing refers to would all be at the far left; it comes near instead.
	nearest, source := make([]int, len(links)), make([]bool, len(links))
	for i := range links {
		nearest[i], source[i] = len(links), true
	}
	each(func(from, to int) {
		nearest[from], source[to] = min(nearest[from], layers[to]-1), false
	})
	for i := range links {
		if source[i] && !alone[i] {
			layers[i] = nearest[i]
		}
	}
	for i := range layers {
		if alone[i] {
			layers[i] = -1
		}
	}
	return layers
}

// circles returns the links that lead back to where one came from.
func circles(links [][]int) map[[2]int]bool {
	const open, done = 1, 2
	back, state := map[[2]int]bool{}, make([]int, len(links))
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		for _, j := range links[i] {
			switch state[j] {
			case open:
				back[[2]int{i, j}] = true
			case 0:
				visit(j)
			}
		}
		state[i] = done
	}
	for i := range links {
		if state[i] == 0 {
			visit(i)
		}
	}
	return back
}

// place gives every spot its height, and returns where the picture ends.
func place(spots []spot) int {
	var layers [][]int
	for i, s := range spots {
		for len(layers) <= s.layer {
			layers = append(layers, nil)
		}
		layers[s.layer] = append(layers[s.layer], i)
	}
	for _, layer := range layers {
		stack(spots, layer)
	}
	// Each layer is put in the order of what it is linked with, from the left and
	// from the right in turn.
	const sweeps = 8
	for sweep := range sweeps {
		for k := range layers {
			layer, rightwards := layers[k], sweep%2 == 0
			if !rightwards {
				layer = layers[len(layers)-1-k]
			}
			for _, i := range layer {
				neighbours := spots[i].in
				if !rightwards {
					neighbours = spots[i].out
				}
				spots[i].position = middle(spots[i])
				if len(neighbours) > 0 {
					sum := 0.0
					for _, j := range neighbours {
						sum += middle(spots[j])
					}
					spots[i].position = sum / float64(len(neighbours))
				}
			}
			slices.SortStableFunc(layer, func(a, b int) int {
				switch d := spots[a].position - spots[b].position; {
				case d < 0:
					return -1
				case d > 0:
					return 1
				default:
					return 0
				}
			})
			stack(spots, layer)
			settle(spots, layer)
		}
	}
	top, bottom := 1<<30, 0
	for _, s := range spots {
		top = min(top, s.y)
	}
	for i := range spots {
		spots[i].y += margin - top
		bottom = max(bottom, spots[i].y+spots[i].height())
	}
	return max(bottom, margin)
}

func middle(s spot) float64 { return float64(s.y) + float64(s.height())/2 }

// stack puts the spots of a layer below each other.
func stack(spots []spot, layer []int) {
	y := 0
	for _, i := range layer {
		spots[i].y = y
		y += spots[i].height() + gapY
	}
}

// settle moves the spots of a layer, in their order, to where they want to be as
// far as the others leave room: groups that would overlap share the middle.
func settle(spots []spot, layer []int) {
	type group struct {
		members []int
		want    float64 // the sum of what the members want for the group's start
		start   float64
		height  int
	}
	var groups []group
	for _, i := range layer {
		want := spots[i].position - float64(spots[i].height())/2
		groups = append(groups, group{members: []int{i}, want: want, start: want, height: spots[i].height()})
		for n := len(groups); n > 1 && groups[n-2].start+float64(groups[n-2].height+gapY) > groups[n-1].start; n = len(groups) {
			above, below := groups[n-2], groups[n-1]
			offset := float64(above.height + gapY)
			above.want += below.want - offset*float64(len(below.members))
			above.members = append(slices.Clone(above.members), below.members...)
			above.height += gapY + below.height
			above.start = above.want / float64(len(above.members))
			groups = append(groups[:n-2], above)
		}
	}
	for _, g := range groups {
		y := int(math.Floor(g.start))
		for _, i := range g.members {
			spots[i].y = y
			y += spots[i].height() + gapY
		}
	}
}
