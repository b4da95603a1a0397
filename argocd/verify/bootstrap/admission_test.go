package bootstrap_test

import (
	"context"
	"math"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/delivery"
)

// policy compiles an admission policy of bootstrap with the API server's code.
func policy(t *testing.T, name string) validating.Validator {
	t.Helper()
	file := "argocd/bootstrap/admission/" + name + ".yaml"
	text, _, _ := strings.Cut(string(testrepo.Files(t, nil)[file].Data), "\n---\n")
	var p admissionv1.ValidatingAdmissionPolicy
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion(), true))
	if err != nil {
		t.Fatal(err)
	}
	declared := cel.OptionalVariableDeclarations{HasParams: p.Spec.ParamKind != nil, HasAuthorizer: true, StrictCost: true}
	for _, v := range p.Spec.Variables {
		result := compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, declared, environment.StoredExpressions)
		if result.Error != nil {
			t.Fatalf("%s: variable %s: %v", file, v.Name, result.Error)
		}
	}
	compile := func(accessors []cel.ExpressionAccessor) cel.ConditionEvaluator {
		evaluator := compiler.CompileCondition(accessors, declared, environment.StoredExpressions)
		for _, err := range evaluator.CompilationErrors() {
			t.Fatalf("%s: %v", file, err)
		}
		return evaluator
	}
	var conditions, validations []cel.ExpressionAccessor
	for i := range p.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&p.Spec.MatchConditions[i]))
	}
	messages := make([]cel.ExpressionAccessor, len(p.Spec.Validations))
	for i, v := range p.Spec.Validations {
		validations = append(validations, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		if v.MessageExpression != "" {
			messages[i] = &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}
		}
	}
	matcher := matchconditions.NewMatcher(compile(conditions), p.Spec.FailurePolicy, "policy", "validate", name)
	return validating.NewValidator(compile(validations), matcher, compile(nil), compile(messages), p.Spec.FailurePolicy)
}

// decide returns the messages with which a request is denied.
func decide(t *testing.T, v validating.Validator, r request, gvr schema.GroupVersionResource) []string {
	t.Helper()
	old, object, params := object(t, r.old), object(t, r.new), object(t, r.params)
	some := object
	if some == nil {
		some = old
	}
	kind := some.GroupVersionKind()
	// A nil of a pointer's type would be an object to the API server.
	var oldObject, newObject runtime.Object
	if old != nil {
		oldObject = old
	}
	if object != nil {
		newObject = object
	}
	attributes := admission.NewAttributesRecord(newObject, oldObject, kind, some.GetNamespace(), some.GetName(), gvr, "",
		r.operation, nil, false, &user.DefaultInfo{Name: r.user})
	versioned := &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: kind, VersionedObject: newObject, VersionedOldObject: oldObject,
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: some.GetNamespace(), Labels: map[string]string{"kubernetes.io/metadata.name": some.GetNamespace()}}}
	if r.rollout {
		namespace.Labels[delivery.RolloutLabel] = "true"
	}
	var param runtime.Object
	if params != nil {
		param = params
	}
	result := v.Validate(context.Background(), gvr, versioned, param, namespace, math.MaxInt64, nil)
	var denied []string
	for _, d := range result.Decisions {
		if d.Action == validating.ActionDeny {
			if d.Evaluation == validating.EvalError {
				t.Errorf("an expression failed: %s", d.Message)
			}
			denied = append(denied, d.Message)
		}
	}
	return denied
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	if text == "" {
		return nil
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

type request struct {
	name      string
	operation admission.Operation
	user      string
	old, new  string
	// rollout tells that the namespace belongs to an environment with a rollout.
	rollout bool
	// params is what a binding gives the policy.
	params string
	// denied is a part of the message, or "" if the request is let through.
	denied string
}

func judge(t *testing.T, v validating.Validator, gvr schema.GroupVersionResource, requests []request) {
	t.Helper()
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			got := decide(t, v, r, gvr)
			switch {
			case r.denied == "" && len(got) > 0:
				t.Errorf("denied: %q", got)
			case r.denied != "" && len(got) != 1:
				t.Errorf("denied with %q, want one message with %q", got, r.denied)
			case r.denied != "" && !strings.Contains(got[0], r.denied):
				t.Errorf("denied: %q, want %q in it", got[0], r.denied)
			}
		})
	}
}

func TestApprovalNumberRises(t *testing.T) {
	t.Parallel()
	record := func(data string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: service-approval, namespace: towpath-prod}\n" + data
	}
	number := func(n string) string { return record("data: {number: \"" + n + "\", commit: abc}\n") }
	other := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: towpath-prod}\n"
	judge(t, policy(t, "approval-number-rises"), schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, []request{
		{name: "first", operation: admission.Create, new: number("1")},
		{name: "first of a new namespace", operation: admission.Create, new: number("41")},
		{name: "next", operation: admission.Update, old: number("9"), new: number("10")},
		{name: "the same again", operation: admission.Update, old: number("9"), new: number("9")},
		{name: "a leap", operation: admission.Update, old: number("9"), new: number("999999999999999999")},
		{name: "the first after a record without number", operation: admission.Update, old: record(""), new: number("1")},
		{name: "another ConfigMap", operation: admission.Update, old: other, new: other},
		{name: "another ConfigMap deleted", operation: admission.Delete, old: other},

		{name: "falls", operation: admission.Update, old: number("10"), new: number("9"), denied: "approval 9 of service-approval is older than approval 10"},
		{name: "falls, and is no less as text", operation: admission.Update, old: number("10"), new: number("9"), denied: "gen rollback"},
		{name: "removed", operation: admission.Update, old: number("3"), new: record("data: {commit: abc}\n"), denied: "data.number of service-approval must be a whole number from 1 on"},
		{name: "all data removed", operation: admission.Update, old: number("3"), new: record(""), denied: "whole number"},
		{name: "not a number", operation: admission.Update, old: number("3"), new: number("four"), denied: "whole number"},
		{name: "negative", operation: admission.Create, new: number("-1"), denied: "whole number"},
		{name: "zero", operation: admission.Create, new: number("0"), denied: "whole number"},
		{name: "a leading zero", operation: admission.Update, old: number("3"), new: number("04"), denied: "whole number"},
		{name: "a fraction", operation: admission.Update, old: number("3"), new: number("3.5"), denied: "whole number"},
		{name: "an exponent", operation: admission.Update, old: number("3"), new: number("1e9"), denied: "whole number"},
		{name: "a line more", operation: admission.Update, old: number("3"), new: number(`4\n2`), denied: "whole number"},
		{name: "too large", operation: admission.Update, old: number("3"), new: number("99999999999999999999"), denied: "whole number"},
		{name: "without number from the start", operation: admission.Create, new: record(""), denied: "whole number"},
		{name: "deleted", operation: admission.Delete, old: number("7"), denied: "approval 7 of service-approval must stay"},
	})
}

func TestApprovedRevisionOnly(t *testing.T) {
	t.Parallel()
	const (
		server     = "system:serviceaccount:argocd:argocd-server"
		controller = "system:serviceaccount:argocd:argocd-application-controller"
		sets       = "system:serviceaccount:argocd:argocd-applicationset-controller"
		job        = "system:serviceaccount:argocd:delivery"
		head       = "1111111111111111111111111111111111111111"
		older      = "2222222222222222222222222222222222222222"
	)
	app := func(source, operation string) string {
		return `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: service, namespace: argocd-prod}
spec:
  project: prod
  destination: {server: https://kubernetes.default.svc, namespace: towpath-prod}
  source: {repoURL: https://gitlab.com/towpath/towpath.git, path: charts/service, ` + source + `}
  syncPolicy: {syncOptions: [FailOnSharedResource=true, PruneLast=true]}
status: {sync: {status: OutOfSync, revision: "` + head + `"}}
` + operation
	}
	const branch = "targetRevision: refs/heads/env/prod"
	idle := app(branch, "")
	syncs := func(what string) string { return app(branch, "operation: {sync: {"+what+"}}\n") }
	syncsHead := func(how string) string { return syncs("revision: \"" + head + "\", " + how) }
	unseen := strings.Replace(idle, `, revision: "`+head+`"`, "", 1)
	judge(t, policy(t, "approved-revision-only"), schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}, []request{
		{name: "sync of the head", operation: admission.Update, user: server, old: idle, new: syncs("prune: true, revision: \"" + head + "\"")},
		{name: "a refresh", operation: admission.Update, user: server, old: idle, new: strings.Replace(idle, "argocd-prod}", "argocd-prod, annotations: {argocd.argoproj.io/refresh: hard}}", 1)},
		{name: "a running sync is touched", operation: admission.Update, user: server, old: syncs("revision: \"" + older + "\""), new: syncs("revision: \"" + older + "\"")},
		{name: "the controller heals single objects", operation: admission.Update, user: controller, old: idle, new: syncs("revision: \"" + head + "\", resources: [{kind: Service, name: service}]")},
		{name: "the controller changes the spec, from Git", operation: admission.Update, user: controller, old: idle, new: app("targetRevision: refs/heads/env/prod2", "")},
		{name: "the root makes an Application", operation: admission.Create, user: controller, new: idle},
		{name: "bootstrap makes a root", operation: admission.Create, user: job, new: idle},
		{name: "a sync with what the user interface fills in", operation: admission.Update, user: server, old: idle, new: syncsHead("syncStrategy: {hook: {}}, syncOptions: [FailOnSharedResource=true, PruneLast=true]")},
		{name: "a sync by the program argocd", operation: admission.Update, user: server, old: idle, new: syncsHead("syncStrategy: {hook: {force: false}}, syncOptions: []")},
		{name: "the controller heals by its own strategy", operation: admission.Update, user: controller, old: idle, new: syncsHead("syncStrategy: {apply: {}}")},

		{name: "an older commit", operation: admission.Update, user: server, old: idle, new: syncs("revision: \"" + older + "\""), denied: "which is " + head},
		{name: "no commit", operation: admission.Update, user: server, old: idle, new: syncs("prune: true"), denied: "only the head of the approval branch"},
		{name: "before Argo CD has seen one", operation: admission.Update, user: server, old: unseen, new: strings.Replace(syncs("revision: \""+head+"\""), `, revision: "`+head+`"}`, "}", 1), denied: "has not found it yet"},
		{name: "single objects", operation: admission.Update, user: server, old: idle, new: syncs("revision: \"" + head + "\", resources: [{kind: Service, name: service}]"), denied: "as a whole"},
		{name: "manifests from a laptop", operation: admission.Update, user: server, old: idle, new: syncs("revision: \"" + head + "\", manifests: ['{}']"), denied: "as a whole"},
		{name: "a rollback to a source of the past", operation: admission.Update, user: server, old: idle, new: syncs("revision: \"" + head + "\", source: {repoURL: x}"), denied: "from its own source"},
		{name: "a second sync while one runs", operation: admission.Update, user: server, old: syncs("revision: \"" + head + "\""), new: syncs("revision: \"" + older + "\""), denied: "only the head"},
		{name: "another revision in the spec", operation: admission.Update, user: server, old: idle, new: app("targetRevision: main", ""), denied: "change in Git"},
		{name: "a parameter in the spec", operation: admission.Update, user: server, old: idle, new: app(branch+", helm: {parameters: [{name: replicas, value: '0'}]}", ""), denied: "change in Git"},
		{name: "another project", operation: admission.Update, user: server, old: idle, new: strings.Replace(idle, "project: prod", "project: default", 1), denied: "change in Git"},
		{name: "differences ignored", operation: admission.Update, user: server, old: idle, new: strings.Replace(idle, "  syncPolicy:", "  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec]}]\n  syncPolicy:", 1), denied: "change in Git"},
		{name: "automated sync turned off", operation: admission.Update, user: server, old: strings.Replace(idle, "syncPolicy: {", "syncPolicy: {automated: {}, ", 1), new: idle},
		{name: "created by hand", operation: admission.Create, user: server, new: idle, denied: "made and deleted in Git"},
		{name: "deleted by hand", operation: admission.Delete, user: server, old: idle, denied: "made and deleted in Git"},
		{name: "created by an ApplicationSet", operation: admission.Create, user: sets, new: idle, denied: "made and deleted in Git"},
		{name: "a parameter from an ApplicationSet", operation: admission.Update, user: sets, old: idle, new: app(branch+", helm: {parameters: [{name: replicas, value: '0'}]}", ""), denied: "change in Git"},
		{name: "an older commit by an ApplicationSet", operation: admission.Update, user: sets, old: idle, new: syncs("revision: \"" + older + "\""), denied: "only the head"},
		{name: "objects deleted and made anew", operation: admission.Update, user: server, old: idle, new: syncsHead("syncStrategy: {hook: {force: true}}"), denied: "without force"},
		{name: "without hooks", operation: admission.Update, user: server, old: idle, new: syncsHead("syncStrategy: {apply: {}}"), denied: "with its hooks"},
		{name: "objects replaced", operation: admission.Update, user: server, old: idle, new: syncsHead("syncStrategy: {hook: {}}, syncOptions: [PruneLast=true, Replace=true]"), denied: "options that its Application has"},
		{name: "objects deleted and made anew by option", operation: admission.Update, user: server, old: idle, new: syncsHead("syncOptions: [Force=true, Replace=true]"), denied: "options that its Application has"},
		{name: "without the objects that look unchanged", operation: admission.Update, user: server, old: idle, new: syncsHead("syncOptions: [ApplyOutOfSyncOnly=true]"), denied: "options that its Application has"},
	})
}

func TestRulesFromGit(t *testing.T) {
	t.Parallel()
	const server = "system:serviceaccount:argocd:argocd-server"
	project := func(keys string) string {
		return "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: prod, namespace: argocd}\nspec: {sourceRepos: [a], signatureKeys: [" + keys + "]}\n"
	}
	signed := project("{keyID: 170C6F1ADB1B1613}")
	judge(t, policy(t, "rules-from-git"), schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}, []request{
		{name: "from an approval", operation: admission.Update, user: "system:serviceaccount:argocd:argocd-application-controller", old: signed, new: project("")},
		{name: "metadata", operation: admission.Update, user: server, old: signed, new: strings.Replace(signed, "namespace: argocd}", "namespace: argocd, labels: {a: b}}", 1)},
		{name: "signatures removed", operation: admission.Update, user: server, old: signed, new: project(""), denied: "AppProjects change in Git"},
		{name: "deleted", operation: admission.Delete, user: server, old: signed, denied: "AppProjects change in Git"},
	})
}
