package server

import "time"

// deadline spares a connection most changes of its deadlines. fasthttp sets three for each
// request, which costs about a tenth of a small answer; nearly all are replaced unused, or move
// the one before by a moment.
//
// So a new deadline is only noted, and armed when a read or write is about to rely on it; and
// not even then if the armed one comes earlier by no more than the slack. The slack is a small
// part of the shortest timeout, hence a deadline that is left in place has not passed.
type deadline struct {
	wanted, armed time.Time
}

// due tells whether the wanted deadline must be armed now, and takes it that it will be.
func (d *deadline) due(slack time.Duration) bool {
	if early := d.wanted.Sub(d.armed); d.wanted.Equal(d.armed) || early > 0 && early <= slack && !d.armed.IsZero() {
		return false
	}
	d.armed = d.wanted
	return true
}

// slackOf gives the slack for these timeouts.
func slackOf(timeouts ...time.Duration) time.Duration {
	slack := 250 * time.Millisecond
	for _, t := range timeouts {
		slack = min(slack, t/16)
	}
	return slack
}
