package argocd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// States of an Application that gen compares with; Argo CD has more.
const (
	Synced  = "Synced"
	Healthy = "Healthy"
)

// Application is how one Application is, as of ReconciledAt.
type Application struct {
	Namespace, Name string

	// Sync is Synced, OutOfSync or Unknown: whether the cluster is as Revision says.
	Sync string
	// Health is Healthy, Progressing, Degraded, Suspended, Missing or Unknown.
	Health string
	// Revision is the full id of the commit that the cluster was compared with last,
	// or "".
	Revision string
	// LastSync is the full id of the commit of the last sync that succeeded, or "".
	LastSync string
	// Images are those of the live objects, as the objects name them, in
	// alphabetical order.
	Images []string

	// Syncing tells that a sync has been asked for or runs.
	Syncing bool
	// OperationPhase is Running, Terminating, Succeeded, Failed or Error, or "" if
	// there was no sync yet.
	OperationPhase   string
	OperationMessage string

	// Conditions are what Argo CD complains about, warnings included.
	Conditions []Condition
	// Unhealthy are the objects that are neither healthy nor without a health.
	Unhealthy []Object

	// ReconciledAt is when Argo CD compared with Git last; zero for never.
	ReconciledAt time.Time
}

// Condition is a complaint of Argo CD about an Application.
type Condition struct {
	// Type ends in Error or in Warning, such as ComparisonError.
	Type    string
	Message string
}

// Object is a Kubernetes object of an Application.
type Object struct{ Kind, Name, Health, Message string }

// Deployed returns the commit that the cluster runs, or "" if nothing says which.
// That is the one it was compared with, if it is synced; else that of the last
// sync, which may have been changed by hand since.
func (a Application) Deployed() string {
	if a.Sync == Synced {
		return a.Revision
	}
	return a.LastSync
}

// Ready reports whether the cluster is as Revision says, and works.
func (a Application) Ready() bool { return a.Sync == Synced && a.Health == Healthy && !a.Syncing }

// Problems returns why the Application is not synced or not healthy, in Argo CD's
// words, the most telling first. They are texts of others: what prints them must
// expect anything.
func (a Application) Problems() []string {
	var all []string
	for _, c := range a.Conditions {
		if strings.HasSuffix(c.Type, "Error") {
			all = append(all, c.Type+": "+c.Message)
		}
	}
	switch a.OperationPhase {
	case "Failed", "Error":
		// The phase stays when what failed has been put right by other means.
		if a.Sync != Synced {
			all = append(all, "sync failed: "+a.OperationMessage)
		}
	case "Running", "Terminating":
		if a.OperationMessage != "" {
			all = append(all, "sync: "+a.OperationMessage)
		}
	}
	for _, o := range a.Unhealthy {
		text := o.Kind + " " + o.Name + " is " + o.Health
		if o.Message != "" {
			text += ": " + o.Message
		}
		all = append(all, text)
	}
	return all
}

// Application returns how an Application is. The error is that of ctx, or wraps
// [ErrNotFound], [ErrUnauthorized] or [ErrUnreachable].
func (c *Client) Application(ctx context.Context, namespace, name string) (Application, error) {
	return c.get(ctx, namespace, name, false)
}

// get returns how an Application is. To refresh it is to have Argo CD compare it
// with Git first; the account needs no permission for that.
func (c *Client) get(ctx context.Context, namespace, name string, refresh bool) (Application, error) {
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, c.address(namespace, name, refresh), nil)
	if err != nil {
		return Application{}, c.failed(ctx, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return Application{}, c.failed(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return Application{}, c.failed(ctx, err)
	case len(body) > maxBody:
		return Application{}, fmt.Errorf("%w: the answer of %s is longer than %d MiB", ErrUnreachable, c.Server(), maxBody>>20)
	case response.StatusCode != http.StatusOK:
		return Application{}, c.refused(response, body, namespace, name)
	}
	app, err := decode(body)
	if err != nil || app.Name != name || app.Namespace != namespace {
		// A page to log in, for one.
		return Application{}, fmt.Errorf("%w: what %s answers is not the Application %s/%s; is it the address of an Argo CD?",
			ErrUnreachable, c.Server(), namespace, name)
	}
	return app, nil
}

// wire is what is read of an Application of Argo CD's API.
type wire struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"metadata"`
	// Operation is there from when a sync is asked for until it starts.
	Operation *struct{} `json:"operation"`
	Status    struct {
		Sync struct {
			Status   string `json:"status"`
			Revision string `json:"revision"`
		} `json:"sync"`
		Health  wireHealth `json:"health"`
		History []struct {
			Revision string `json:"revision"`
		} `json:"history"`
		Conditions []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"conditions"`
		ReconciledAt   time.Time `json:"reconciledAt"`
		OperationState struct {
			Phase   string `json:"phase"`
			Message string `json:"message"`
		} `json:"operationState"`
		Summary struct {
			Images []string `json:"images"`
		} `json:"summary"`
		Resources []struct {
			Kind   string      `json:"kind"`
			Name   string      `json:"name"`
			Health *wireHealth `json:"health"`
		} `json:"resources"`
	} `json:"status"`
}

type wireHealth struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func decode(body []byte) (Application, error) {
	var w wire
	if err := json.Unmarshal(body, &w); err != nil {
		return Application{}, err
	}
	s := w.Status
	app := Application{
		Namespace: w.Metadata.Namespace, Name: w.Metadata.Name,
		// Before its first comparison an Application has neither.
		Sync: orUnknown(s.Sync.Status), Health: orUnknown(s.Health.Status), Revision: commitOnly(s.Sync.Revision),
		Images:         s.Summary.Images,
		OperationPhase: s.OperationState.Phase, OperationMessage: s.OperationState.Message,
		Syncing:      w.Operation != nil || s.OperationState.Phase == "Running" || s.OperationState.Phase == "Terminating",
		ReconciledAt: s.ReconciledAt,
	}
	if n := len(s.History); n > 0 {
		app.LastSync = commitOnly(s.History[n-1].Revision)
	}
	for _, c := range s.Conditions {
		app.Conditions = append(app.Conditions, Condition{c.Type, c.Message})
	}
	for _, r := range s.Resources {
		if h := r.Health; h != nil && h.Status != "" && h.Status != Healthy {
			app.Unhealthy = append(app.Unhealthy, Object{r.Kind, r.Name, h.Status, h.Message})
		}
	}
	return app, nil
}

// commitOnly returns the id of a commit, or "" for anything else: what is asked of
// Git must not be what others wrote.
func commitOnly(revision string) string {
	if n := len(revision); n != 40 && n != 64 || strings.ContainsFunc(revision, notHex) {
		return ""
	}
	return revision
}

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

func orUnknown(status string) string {
	if status == "" {
		return "Unknown"
	}
	return status
}
