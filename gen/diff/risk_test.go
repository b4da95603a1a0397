package diff

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// TestRisks holds every rule against its own example, and makes sure that each rule
// has a judge and each judge a text.
func TestRisks(t *testing.T) {
	var ids []string
	for _, rule := range Risks() {
		ids = append(ids, rule.ID)
		t.Run(rule.ID, func(t *testing.T) {
			if rank(rule.Level) < 0 || !strings.HasSuffix(rule.Title, ".") || !strings.HasSuffix(strings.TrimSpace(rule.Why), ".") {
				t.Errorf("the text says too little: %+v", rule)
			}
			report, err := Compare(objectsSide(t, rule.Bad.Before), objectsSide(t, rule.Bad.After), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var found []Risk
			for _, o := range report.Environments[0].Releases[0].Objects {
				found = append(found, o.Risks...)
			}
			i := slices.IndexFunc(found, func(r Risk) bool { return r.ID == rule.ID })
			if i < 0 {
				t.Fatalf("the example is not found; found is %+v", found)
			}
			if message := found[i].Message; message == "" || strings.HasSuffix(message, ".") {
				t.Errorf("the message says too little, or ends in a full stop: %q", message)
			}
			unchanged, err := Compare(objectsSide(t, rule.Bad.After), objectsSide(t, rule.Bad.After), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if text := summary(unchanged); text != "nothing changes\n" {
				t.Errorf("without a change there is one: %s", text)
			}
		})
	}
	if judged := slices.Sorted(maps.Keys(judges)); !slices.Equal(judged, ids) {
		t.Errorf("judges are\n%q\nand texts\n%q", judged, ids)
	}
}

// TestTables makes sure that the tables are about fields that there are.
func TestTables(t *testing.T) {
	known := map[string]bool{}
	for _, version := range kubernetes.Versions() {
		api, err := kubernetes.Open(version)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds {
			apiVersion, name, _ := strings.Cut(kind, " ")
			if _, served := api.Type(apiVersion, name); !served {
				t.Fatalf("%s is not served", kind)
			}
			eachPlace(rootOf(api, apiVersion, name, ""), map[string]bool{}, func(p *place) { known[p.owner] = true })
		}
	}
	var fields []string
	for _, table := range []map[string]bool{unordered, numericPorts, durations} {
		fields = slices.AppendSeq(fields, maps.Keys(table))
	}
	fields = slices.AppendSeq(fields, maps.Keys(keyed))
	for definition, names := range defaults {
		for name := range names {
			fields = append(fields, definition+"."+name)
		}
	}
	slices.Sort(fields)
	for _, field := range fields {
		if !known[field] {
			t.Errorf("no kind has a field %s", field)
		}
	}
	for _, rule := range immutables {
		if rule.source == "" {
			t.Errorf("%s: where does it say that?", rule.kind)
		}
	}
}

// kinds are those that applications are made of.
var kinds = []string{
	"v1 ConfigMap", "v1 Namespace", "v1 PersistentVolume", "v1 PersistentVolumeClaim", "v1 Pod", "v1 Secret", "v1 Service", "v1 ServiceAccount",
	"apps/v1 DaemonSet", "apps/v1 Deployment", "apps/v1 ReplicaSet", "apps/v1 StatefulSet", "autoscaling/v2 HorizontalPodAutoscaler",
	"batch/v1 CronJob", "batch/v1 Job", "networking.k8s.io/v1 Ingress", "networking.k8s.io/v1 NetworkPolicy", "policy/v1 PodDisruptionBudget",
	"rbac.authorization.k8s.io/v1 ClusterRole", "rbac.authorization.k8s.io/v1 ClusterRoleBinding", "rbac.authorization.k8s.io/v1 Role",
	"rbac.authorization.k8s.io/v1 RoleBinding", "storage.k8s.io/v1 StorageClass", "apiextensions.k8s.io/v1 CustomResourceDefinition",
	"external-secrets.io/v1 ExternalSecret", "gateway.networking.k8s.io/v1 HTTPRoute", "gateway.networking.k8s.io/v1 GRPCRoute",
	"gateway.networking.k8s.io/v1 TLSRoute", "monitoring.coreos.com/v1 ServiceMonitor", "monitoring.coreos.com/v1 PodMonitor",
	"monitoring.coreos.com/v1 PrometheusRule",
}

// eachPlace calls do with every place below one, and goes into each definition
// once.
func eachPlace(p *place, seen map[string]bool, do func(*place)) {
	do(p)
	if name := p.t.Name(); name != "" {
		if seen[name] {
			return
		}
		seen[name] = true
	}
	for _, name := range p.t.Fields() {
		eachPlace(p.field(name), seen, do)
	}
	if item := p.t.Item(); item.Known() {
		eachPlace(p.item(), seen, do)
	}
}

// parse reads objects.
func parse(t testing.TB, text string) []manifest.Object {
	t.Helper()
	objects, err := manifest.Parse([]chart.Source{{Template: "charts/web/templates/all.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}
