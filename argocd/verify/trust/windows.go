package trust

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
)

// horizon is how far ahead windows are followed. A window a year is the rarest
// that makes sense.
const horizon = 400 * 24 * time.Hour

// windows reports sync windows that never let the Application sync. Argo CD
// only ever asks about the present; here its rules are applied to every moment
// at which a window opens or closes.
func (c *check) windows(d *document, p place, project *document) {
	windows := project.project.Spec.SyncWindows.Matches(d.app)
	if !windows.HasWindows() {
		return
	}
	manual := d.app.Spec.SyncPolicy == nil || d.app.Spec.SyncPolicy.Automated == nil
	spans, err := newSpans(*windows)
	if err != nil {
		return // ValidateProject said the same
	}
	for _, moment := range spans.moments(c.Now) {
		if spans.canSync(moment, manual) {
			return
		}
	}
	c.in(p.env, project.at("spec", "syncWindows"), "never-syncs",
		fmt.Sprintf("the sync windows of AppProject %s leave no moment in which Application %s can sync", project.name, d.name),
		"change delivery.windows in "+p.env.Dir()+" and run gen render "+p.env.Name)
}

type span struct {
	*v1alpha1.SyncWindow
	schedule cron.Schedule
	duration time.Duration
}

type spans []span

func newSpans(windows []*v1alpha1.SyncWindow) (spans, error) {
	var out spans
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	for _, w := range windows {
		schedule, err := parser.Parse(w.Schedule)
		if err != nil {
			return nil, err
		}
		duration, err := time.ParseDuration(w.Duration)
		if err != nil {
			return nil, err
		}
		out = append(out, span{w, schedule, duration})
	}
	return out, nil
}

// in returns t as the window's own clock shows it. Argo CD shifts the time by
// the zone's present offset; a zone's changes over the year open no window that
// would otherwise never open.
func (s span) in(t time.Time) time.Time {
	location, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		location = time.UTC // as Argo CD does
	}
	_, offset := t.In(location).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func (s span) active(t time.Time) bool {
	local := s.in(t)
	return s.schedule.Next(local.Add(-s.duration)).Before(local)
}

// moments returns times at which something may have changed: now, and just
// after each window opened or closed, a thousand times per window at most.
func (s spans) moments(now time.Time) []time.Time {
	moments := []time.Time{now}
	for _, w := range s {
		local := w.in(now)
		shift := local.Sub(now.UTC())
		for i, at := 0, local.Add(-w.duration); i < 1000; i++ {
			at = w.schedule.Next(at)
			if at.IsZero() || at.Sub(local) > horizon {
				break
			}
			opened := at.Add(-shift)
			moments = append(moments, opened.Add(time.Second), opened.Add(w.duration+time.Second))
		}
	}
	return moments
}

// canSync is the decision of Argo CD's SyncWindows.CanSync, at a time of choice.
func (s spans) canSync(t time.Time, manual bool) bool {
	var allowed, denied, waiting bool
	deniedManual, waitingManual := true, true
	for _, w := range s {
		active := w.active(t)
		switch {
		case active && w.Kind == "deny":
			denied, deniedManual = true, deniedManual && w.ManualSync
		case active:
			allowed = true
		case w.Kind == "allow":
			waiting, waitingManual = true, waitingManual && w.ManualSync
		}
	}
	switch {
	case denied:
		return manual && deniedManual
	case allowed:
		return true
	case waiting:
		return manual && waitingManual
	default:
		return true
	}
}
