package kubernetes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// decode reads YAML as a caller would.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("the test's own YAML: %v\n%s", err, text)
	}
	return object
}

func open(t testing.TB, version string) *API {
	t.Helper()
	api, err := Open(version)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// lines is what a test compares: a line per problem with all that a caller can see, apart from long lists.
func lines(problems []Problem) string {
	var out strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&out, "%s: %s: %s", strings.Join(p.Path, "."), p.Kind, p.Message)
		if len(p.Allowed) > 0 && len(p.Allowed) <= 6 && p.Kind == UnknownField {
			fmt.Fprintf(&out, " %v", p.Allowed)
		}
		out.WriteString("\n")
	}
	return out.String()
}

func check(t *testing.T, version, object, want string) {
	t.Helper()
	got := lines(open(t, version).Validate(decode(t, object)))
	want = strings.TrimPrefix(strings.NewReplacer("\t", "", "VERSION", version).Replace(want), "\n")
	if got != want {
		t.Errorf("Kubernetes %s\ngot:\n%s\nwant:\n%s\nobject:\n%s", version, got, want, object)
	}
}

func TestVersions(t *testing.T) {
	want := []string{"1.31", "1.32", "1.33", "1.34", "1.35", "1.36"}
	if got := Versions(); !slices.Equal(got, want) {
		t.Errorf("Versions() = %v, want %v", got, want)
	}
	for _, spelling := range []string{"1.33", "v1.33", "1.33.0", "v1.33.13", "1.33.5-gke.100"} {
		api, err := Open(spelling)
		if err != nil {
			t.Errorf("Open(%q): %v", spelling, err)
		} else if api.Version() != "1.33" {
			t.Errorf("Open(%q).Version() = %q", spelling, api.Version())
		}
	}
	for _, spelling := range []string{"", "1", "1.3", "1.330", "1.99", "2.33", "latest", "133"} {
		_, err := Open(spelling)
		want := fmt.Sprintf("version %q of Kubernetes is not supported; 1.31, 1.32, 1.33, 1.34, 1.35, 1.36 are", spelling)
		if err == nil || err.Error() != want {
			t.Errorf("Open(%q) = %v, want %s", spelling, err, want)
		}
	}
}

func TestNamespaced(t *testing.T) {
	for _, test := range []struct {
		apiVersion, kind string
		namespaced, ok   bool
	}{
		{"v1", "ConfigMap", true, true},
		{"v1", "Namespace", false, true},
		{"v1", "PersistentVolume", false, true},
		{"apps/v1", "Deployment", true, true},
		{"rbac.authorization.k8s.io/v1", "ClusterRole", false, true},
		{"rbac.authorization.k8s.io/v1", "Role", true, true},
		{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", false, true},
		{"apiextensions.k8s.io/v1", "CustomResourceDefinition", false, true},
		{"argoproj.io/v1alpha1", "Application", true, true},
		{"argoproj.io/v1alpha1", "AppProject", true, true},
		{"argoproj.io/v1alpha1", "ApplicationSet", true, true},
		{"argoproj.io/v1", "Application", false, false},
		{"apps/v1", "Deploymnt", false, false},
		{"v1", "DeploymentList", false, false},
		{"v1", "List", false, false},
		{"authorization.k8s.io/v1", "SubjectAccessReview", false, false},
		{"", "", false, false},
	} {
		for _, version := range Versions() {
			namespaced, ok := open(t, version).Namespaced(test.apiVersion, test.kind)
			if namespaced != test.namespaced || ok != test.ok {
				t.Errorf("%s: Namespaced(%q, %q) = %t, %t, want %t, %t",
					version, test.apiVersion, test.kind, namespaced, ok, test.namespaced, test.ok)
			}
		}
	}
}

// TestGood holds objects that an API server takes; every version must take them too.
func TestGood(t *testing.T) {
	for _, version := range Versions() {
		for name, object := range goodObjects {
			t.Run(version+"/"+name, func(t *testing.T) { check(t, version, object, "") })
		}
	}
}

func TestBetweenVersions(t *testing.T) {
	for name, test := range map[string]struct {
		object, known string // the versions that take the object
		problem       string // what the others say; VERSION stands for their own
	}{
		"field new in 1.32": {
			object:  "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [], resources: {limits: {cpu: 1}}}}",
			known:   "1.32 1.33 1.34 1.35 1.36",
			problem: `spec.resources: unknown field: unknown field "resources"`,
		},
		"field new in 1.33": {
			object:  "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, lifecycle: {stopSignal: SIGTERM}}]}}",
			known:   "1.33 1.34 1.35 1.36",
			problem: `spec.containers.0.lifecycle.stopSignal: unknown field: unknown field "stopSignal" [postStart preStop]`,
		},
		"field new in 1.34": {
			object:  "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [], hostnameOverride: b}}",
			known:   "1.34 1.35 1.36",
			problem: `spec.hostnameOverride: unknown field: unknown field "hostnameOverride"`,
		},
		"enum value new in 1.35": {
			object:  "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [], tolerations: [{key: a, operator: Gt, value: '1'}]}}",
			known:   "1.35 1.36",
			problem: `spec.tolerations.0.operator: bad enum: "Gt" is not one of Equal, Exists`,
		},
		"API removed in 1.32": {
			object: "{apiVersion: flowcontrol.apiserver.k8s.io/v1beta3, kind: FlowSchema, metadata: {name: a}}",
			known:  "1.31",
			problem: "apiVersion: unknown kind: flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is not served by " +
				"Kubernetes VERSION; flowcontrol.apiserver.k8s.io/v1 is",
		},
		"API removed in 1.34": {
			object: "{apiVersion: admissionregistration.k8s.io/v1beta1, kind: ValidatingAdmissionPolicy, metadata: {name: a}}",
			known:  "1.31 1.32 1.33",
			problem: "apiVersion: unknown kind: admissionregistration.k8s.io/v1beta1 ValidatingAdmissionPolicy is not served by " +
				"Kubernetes VERSION; admissionregistration.k8s.io/v1 is",
		},
		"API new in 1.33": {
			object: "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: a}}",
			known:  "1.33 1.34 1.35 1.36",
			problem: "apiVersion: unknown kind: networking.k8s.io/v1 ServiceCIDR is not served by Kubernetes VERSION; " +
				"networking.k8s.io/v1beta1 is",
		},
		"API removed before 1.31": {
			object:  "{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: a}}",
			problem: "apiVersion: unknown kind: batch/v1beta1 CronJob is not served by Kubernetes VERSION; batch/v1 is",
		},
		"API of two groups": {
			object:  "{apiVersion: events.k8s.io/v1beta1, kind: Event, metadata: {name: a}}",
			problem: "apiVersion: unknown kind: events.k8s.io/v1beta1 Event is not served by Kubernetes VERSION; events.k8s.io/v1 and v1 are",
		},
	} {
		for _, version := range Versions() {
			t.Run(name+"/"+version, func(t *testing.T) {
				want := test.problem + "\n"
				if strings.Contains(test.known, version) {
					want = ""
				}
				check(t, version, test.object, want)
			})
		}
	}
}

// TestUnknownFieldAllows: the caller proposes the nearest name, for which it needs all of them.
func TestUnknownFieldAllows(t *testing.T) {
	object := decode(t, `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, imagePulPolicy: Always}]}}`)
	problems := open(t, "1.33").Validate(object)
	if len(problems) != 1 {
		t.Fatalf("got %v, want one problem", problems)
	}
	p := problems[0]
	if !slices.Equal(p.Path, []string{"spec", "containers", "0", "imagePulPolicy"}) || p.Kind != UnknownField || p.Found != "imagePulPolicy" {
		t.Errorf("got %#v", p)
	}
	if !slices.Contains(p.Allowed, "imagePullPolicy") || !slices.IsSorted(p.Allowed) {
		t.Errorf("Allowed = %v, want every field of a container, sorted", p.Allowed)
	}
	if want := `spec.containers.0.imagePulPolicy: unknown field "imagePulPolicy"`; p.String() != want {
		t.Errorf("String() = %s, want %s", p, want)
	}
}

// TestSecretsStayUnsaid: neither Found nor Message may repeat what a Secret holds.
func TestSecretsStayUnsaid(t *testing.T) {
	for _, object := range []string{
		"{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {password: hunter2!}}",
		"{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: [hunter2!]}}",
		"{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: {hunter: hunter2!}}}",
		"{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: hunter2!}",
	} {
		problems := open(t, "1.33").Validate(decode(t, object))
		if len(problems) == 0 {
			t.Errorf("%s: nothing reported", object)
		}
		if text := fmt.Sprintf("%#v", problems); strings.Contains(text, "hunter2!") {
			t.Errorf("%s: the value is repeated in %s", object, text)
		}
	}
}
