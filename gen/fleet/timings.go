package fleet

import (
	"sync"
	"time"
)

// Timings is where the time went. Durations are those of all goroutines together, but
// for Total.
type Timings struct {
	mu sync.Mutex
	// Kept counts the folders whose results were there, Rendered the others.
	Kept     int `json:"foldersKept"`
	Rendered int `json:"foldersRendered"`
	// Releases counts those in the latter that had to be rendered: not those that did not
	// change.
	Releases int `json:"releases"`
	// Seconds by step, in the order of the flow.
	Find   float64 `json:"findSeconds"`
	Load   float64 `json:"loadSeconds"`
	Render float64 `json:"renderSeconds"`
	Encode float64 `json:"encodeSeconds"`
	Keep   float64 `json:"keepSeconds"`
	Write  float64 `json:"writeSeconds"`
	Total  float64 `json:"totalSeconds"`
}

// since adds the time since start to a step.
func (t *Timings) since(start time.Time, step func(*Timings) *float64) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	*step(t) += time.Since(start).Seconds()
}

// count adds to a number.
func (t *Timings) count(number func(*Timings) *int, n int) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	*number(t) += n
}
