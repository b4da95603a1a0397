package argocd

import (
	"strings"
	"time"
)

// Hurry makes a client wait a millisecond before it asks a busy server again.
func Hurry(c *Client) { c.http.RetryWaitMin, c.http.RetryWaitMax = time.Millisecond, time.Millisecond }

// GiveUpAfter sets how long a request may take.
func GiveUpAfter(c *Client, d time.Duration) { c.http.HTTPClient.Timeout = d }

// Pause returns the wait before the next attempt.
var Pause = pause

const (
	Attempts = attempts
	MaxPause = maxPause
)

// Base returns the address that requests begin with.
func Base(c *Client) string { return strings.TrimSuffix(c.base.String(), "/") }
