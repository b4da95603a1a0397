package kubernetes

import (
	"slices"
	"testing"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// TestBad has a case or more per kind of problem, and judges each by every version.
func TestBad(t *testing.T) {
	for name, test := range map[string]struct{ object, want string }{
		"everything in one run, in the order of the paths": {`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, lables: {}}
spec:
  replicas: "3"
  selector: {}
  template:
    spec:
      containers:
      - {name: a, imagePullPolicy: Alwys}
      - {image: b, securityContext: {runAsUser: root}}
  zzz: 1
`, `
			metadata.lables: unknown field: unknown field "lables"
			spec.replicas: wrong type: must be an integer, is a string
			spec.template.spec.containers.0.imagePullPolicy: bad enum: "Alwys" is not one of Always, IfNotPresent, Never
			spec.template.spec.containers.1.name: missing field: required field "name" is missing
			spec.template.spec.containers.1.securityContext.runAsUser: wrong type: must be an integer, is a string
			spec.zzz: unknown field: unknown field "zzz"
			`},
		"fields are case-sensitive": {
			"{apiVersion: v1, kind: ConfigMap, metadata: {Name: a, name: a}, Data: {}}", `
			Data: unknown field: unknown field "Data" [apiVersion binaryData data immutable kind metadata]
			metadata.Name: unknown field: unknown field "Name"
			`},
		"numbers in a map of strings": {
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: 1, b: true, c: 1.5}}, data: {a: [b]}}", `
			data.a: wrong type: must be a string, is an array
			metadata.labels.a: wrong type: must be a string, is an integer
			metadata.labels.b: wrong type: must be a string, is a boolean
			metadata.labels.c: wrong type: must be a string, is a number
			`},
		"list instead of map and the other way round": {
			"{apiVersion: v1, kind: Pod, metadata: [], spec: {containers: {name: a}, volumes: b}}", `
			metadata: wrong type: must be an object, is an array
			spec.containers: wrong type: must be an array, is an object
			spec.volumes: wrong type: must be an array, is a string
			`},
		"null anywhere": {
			"{apiVersion: v1, kind: Service, metadata: {name: a, creationTimestamp: null}, spec: {ports: [null], selector: {a: null}}}", `
			metadata.creationTimestamp: null: is null; leave the field out instead
			spec.ports.0: null: is null; leave the field out instead
			spec.selector.a: null: is null; leave the field out instead
			`},
		"null in free form": {
			"{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: a}, revision: 1, data: {a: [{b: null}]}}", `
			data.a.0.b: null: is null; leave the field out instead
			`},
		"null for a required field is one problem": {
			"{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {selector: null}}", `
			spec.selector: null: is null; leave the field out instead
			`},
		"int-or-string": {
			"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 1, targetPort: 1.5}, {port: 1, targetPort: true}, {port: 1, targetPort: 3000000000}]}}", `
			spec.ports.0.targetPort: wrong type: must be an integer or string, is a number
			spec.ports.1.targetPort: wrong type: must be an integer or string, is a boolean
			spec.ports.2.targetPort: out of bounds: 3000000000 must be between -2147483648 and 2147483647
			`},
		"quantities": {
			"{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: {hard: {a: 100 Mi, b: true, c: '', d: 1Mb, e: 1k}}}", `
			spec.hard.a: bad format: is not a quantity such as 100m, 0.5 or 128Mi
			spec.hard.b: wrong type: must be a string or number, is a boolean
			spec.hard.c: bad format: is not a quantity such as 100m, 0.5 or 128Mi
			spec.hard.d: bad format: is not a quantity such as 100m, 0.5 or 128Mi
			`},
		"integers": {
			"{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, generation: 1e19}, spec: {replicas: 2147483648, minReadySeconds: 1.5, selector: {}}}", `
			metadata.generation: out of bounds: 10000000000000000000 must be between -9223372036854775808 and 9223372036854775807
			spec.minReadySeconds: wrong type: must be an integer, is a number
			spec.replicas: out of bounds: 2147483648 must be between -2147483648 and 2147483647
			`},
		"times": {`
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: a, creationTimestamp: "2026-01-02"}
spec: {renewTime: "2026-01-02T03:04:05Z", acquireTime: 5}
`, `
			metadata.creationTimestamp: bad format: is not an RFC 3339 time such as 2006-01-02T15:04:05Z
			spec.acquireTime: wrong type: must be a string, is an integer
			spec.renewTime: bad format: is not an RFC 3339 time with six digits of fraction such as 2006-01-02T15:04:05.000000Z
			`},
		"base64": {
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, binaryData: {a: '%', b: aGVsbG8}}", `
			binaryData.a: bad format: is not base64
			binaryData.b: bad format: is not base64
			`},
		"an empty value of a required enum": {
			"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [], topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ''}]}}", `
			spec.topologySpreadConstraints.0.whenUnsatisfiable: bad enum: "" is not one of DoNotSchedule, ScheduleAnyway
			`},
		"enum of list items": {
			"{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [ReadWriteOnce, RWX]}}", `
			spec.accessModes.1: bad enum: "RWX" is not one of ReadOnlyMany, ReadWriteMany, ReadWriteOnce, ReadWriteOncePod
			`},
		"no name": {
			"{apiVersion: v1, kind: ConfigMap}", `
			metadata.name: missing field: required field "name" is missing
			`},
		"no apiVersion, no kind": {
			"{kind: ''}", `
			apiVersion: missing field: required field "apiVersion" is missing
			kind: missing field: required field "kind" is missing
			`},
		"apiVersion and kind of another type": {
			"{apiVersion: 1, kind: null}", `
			apiVersion: wrong type: must be a string, is an integer
			kind: null: is null; leave the field out instead
			`},
		"a CRD's nested typo": {`
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a, labels: {a: 1}}
spec:
  project: a
  destination: {}
  syncPolicy: {automated: {prun: true, selfHeal: "yes"}, syncOptions: CreateNamespace=true, retry: {limit: a}}
`, `
			metadata.labels.a: wrong type: must be a string, is an integer
			spec.syncPolicy.automated.prun: unknown field: unknown field "prun" [allowEmpty prune selfHeal]
			spec.syncPolicy.automated.selfHeal: wrong type: must be a boolean, is a string
			spec.syncPolicy.retry.limit: wrong type: must be an integer, is a string
			spec.syncPolicy.syncOptions: wrong type: must be an array, is a string
			`},
		"a CRD's required fields, without metadata": {
			"{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {}}", `
			metadata.name: missing field: required field "name" is missing
			spec.destination: missing field: required field "destination" is missing
			spec.project: missing field: required field "project" is missing
			`},
		"a CRD's other version": {
			"{apiVersion: argoproj.io/v1, kind: AppProject, metadata: {name: a}}", `
			apiVersion: unknown kind: argoproj.io/v1 AppProject is not served by Kubernetes VERSION; argoproj.io/v1alpha1 is
			`},
		"a CRD's misspelt kind": {
			"{apiVersion: argoproj.io/v1alpha1, kind: Aplication, metadata: {name: a}}", `
			kind: unknown kind: argoproj.io/v1alpha1 has no kind "Aplication" in Kubernetes VERSION
			`},
		"a misspelt kind": {
			"{apiVersion: apps/v1, kind: Deploymnt, metadata: {name: a}}", `
			kind: unknown kind: apps/v1 has no kind "Deploymnt" in Kubernetes VERSION
			`},
		"a kind of the same name in a group that nobody knows": {
			"{apiVersion: example.org/v1, kind: Application, metadata: {name: a}}", `
			apiVersion: unknown kind: example.org/v1 Application is neither served by Kubernetes VERSION nor a custom kind that is known
			`},
		"a group that Kubernetes had once": {
			"{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: a}}", `
			apiVersion: unknown kind: extensions/v1beta1 Ingress is not served by Kubernetes VERSION; networking.k8s.io/v1 is
			`},
		"a version of the core that never was": {
			"{apiVersion: v2, kind: Pod, metadata: {name: a}}", `
			apiVersion: unknown kind: v2 Pod is not served by Kubernetes VERSION; v1 is
			`},
		"a kind in the wrong group": {
			"{apiVersion: v1, kind: Deployment, metadata: {name: a}}", `
			apiVersion: unknown kind: v1 Deployment is not served by Kubernetes VERSION; apps/v1 is
			`},
		"a group that nobody knows": {
			"{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}}", `
			apiVersion: unknown kind: example.org/v1 Thing is neither served by Kubernetes VERSION nor a custom kind that is known
			`},
	} {
		for _, version := range Versions() {
			t.Run(name+"/"+version, func(t *testing.T) { check(t, version, test.object, test.want) })
		}
	}
}

func TestUnknownKindAllows(t *testing.T) {
	api := open(t, "1.33")
	for _, test := range []struct {
		apiVersion, kind, found string
		allowed                 []string
	}{
		{"batch/v1beta1", "CronJob", "batch/v1beta1", []string{"batch/v1"}},
		{"apps/v1", "Deploymnt", "Deploymnt", []string{"ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"}},
		{"argoproj.io/v1alpha1", "Applicatoin", "Applicatoin", []string{"AppProject", "Application", "ApplicationSet"}},
		{"argoprj.io/v1alpha1", "Application", "argoprj.io/v1alpha1", []string{"argoproj.io/v1alpha1"}},
		{"example.org/v1", "Thing", "example.org/v1", nil},
	} {
		problems := api.Validate(map[string]any{"apiVersion": test.apiVersion, "kind": test.kind})
		if len(problems) != 1 || problems[0].Found != test.found || !slices.Equal(problems[0].Allowed, test.allowed) {
			t.Errorf("%s %s: got %+v, want found %q, allowed %q", test.apiVersion, test.kind, problems, test.found, test.allowed)
		}
	}
}

// TestKeywords covers what custom kinds may ask for and the stored ones do not all use.
func TestKeywords(t *testing.T) {
	two, small, big := 2, 1.0, 10.0
	text := func(values ...any) *schema.Schema { return &schema.Schema{Enum: values} }
	for name, test := range map[string]struct {
		schema schema.Schema
		value  any
		want   string
	}{
		"pattern":              {schema.Schema{Type: "string", Pattern: "^a+$"}, "b", ": bad format: does not match ^a+$\n"},
		"pattern holds":        {schema.Schema{Type: "string", Pattern: "^a+$"}, "aa", ""},
		"too long, in runes":   {schema.Schema{Type: "string", MaxLength: &two}, "äöü", ": out of bounds: has 3 characters, must have at most 2\n"},
		"long enough in runes": {schema.Schema{Type: "string", MaxLength: &two}, "äö", ""},
		"too short":            {schema.Schema{Type: "string", MinLength: &two}, "a", ": out of bounds: has 1 characters, must have at least 2\n"},
		"too few items":        {schema.Schema{Type: "array", MinItems: &two}, []any{1}, ": out of bounds: has 1 items, must have at least 2\n"},
		"too many fields": {schema.Schema{Type: "object", Open: true, MaxProperties: &two}, map[string]any{"a": 1, "b": 1, "c": 1},
			": out of bounds: has 3 fields, must have at most 2\n"},
		"minimum":            {schema.Schema{Type: "number", Minimum: &small}, 0.5, ": out of bounds: 0.5 must be at least 1\n"},
		"maximum":            {schema.Schema{Type: "integer", Maximum: &big}, int64(11), ": out of bounds: 11 must be at most 10\n"},
		"minimum is allowed": {schema.Schema{Type: "integer", Minimum: &small}, uint64(1), ""},
		"exclusive minimum":  {schema.Schema{Type: "integer", Minimum: &small, ExclusiveMinimum: true}, 1, ": out of bounds: 1 must be more than 1\n"},
		"exclusive maximum":  {schema.Schema{Type: "integer", Maximum: &big, ExclusiveMaximum: true}, 10, ": out of bounds: 10 must be less than 10\n"},
		"number in an enum":  {schema.Schema{Type: "integer", Enum: []any{301.0, 302.0}}, int64(302), ""},
		"number not in one":  {schema.Schema{Type: "integer", Enum: []any{301.0, 302.0}}, 303, ": bad enum: \"303\" is not one of 301, 302\n"},
		"ipv4":               {schema.Schema{Type: "string", Format: "ipv4"}, "::1", ": bad format: is not an IPv4 address\n"},
		"ipv6":               {schema.Schema{Type: "string", Format: "ipv6"}, "::1", ""},
		"boolean":            {schema.Schema{Type: "boolean"}, "true", ": wrong type: must be a boolean, is a string\n"},
		"not JSON":           {schema.Schema{Type: "string"}, struct{}{}, ": wrong type: must be a string, is a struct {}\n"},
		"allOf":              {schema.Schema{Type: "string", AllOf: []*schema.Schema{text("a"), text("b")}}, "a", ": bad enum: \"a\" is not one of b\n"},
		"anyOf":              {schema.Schema{Type: "string", AnyOf: []*schema.Schema{text("a"), text("b")}}, "b", ""},
		"anyOf fails":        {schema.Schema{Type: "string", AnyOf: []*schema.Schema{text("a"), text("b")}}, "c", ": bad combination: fits none of the 2 forms that are permitted\n"},
		"oneOf":              {schema.Schema{Type: "string", OneOf: []*schema.Schema{text("a"), text("b")}}, "b", ""},
		"oneOf fails":        {schema.Schema{Type: "string", OneOf: []*schema.Schema{text("a"), text("a")}}, "a", ": bad combination: must fit exactly one of 2 forms, fits 2\n"},
		"not":                {schema.Schema{Type: "string", Not: text("a")}, "a", ": bad combination: has a form that is not permitted\n"},
		"an empty member":    {schema.Schema{Type: "string", Enum: []any{"", "a"}}, "b", ": bad enum: \"b\" is not one of \"\", a\n"},
		"a default decides": {schema.Schema{Type: "object", Properties: map[string]*schema.Schema{"a": {Type: "string", Default: "x"}},
			Not: &schema.Schema{Properties: map[string]*schema.Schema{"a": text("y")}}}, map[string]any{}, ""},
		"a branch closes nothing": {schema.Schema{Type: "object", Properties: map[string]*schema.Schema{"a": {}, "b": {}},
			AnyOf: []*schema.Schema{{Required: []string{"a"}, Properties: map[string]*schema.Schema{"a": text("x")}}}},
			map[string]any{"a": "x", "b": "y"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := walk{api: open(t, "1.33")}
			w.value(&test.schema, test.value)
			if got := lines(w.problems); got != test.want {
				t.Errorf("got:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

// TestOrder: item 10 comes behind item 2.
func TestOrder(t *testing.T) {
	ports := make([]any, 12)
	for i := range ports {
		ports[i] = map[string]any{"port": 80}
	}
	for _, i := range []int{10, 2, 11} {
		ports[i] = map[string]any{"port": "80"}
	}
	problems := open(t, "1.33").Validate(map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"ports": ports},
	})
	var got []string
	for _, p := range problems {
		got = append(got, p.Path[2])
	}
	if !slices.Equal(got, []string{"2", "10", "11"}) {
		t.Errorf("problems at items %v, want 2, 10, 11", got)
	}
}
