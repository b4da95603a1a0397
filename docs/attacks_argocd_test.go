package docs_test

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/argoproj/argo-cd/v2/util/gpg"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celenvironment "k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// keyring is what Argo CD verifies commits with: gpg with the keys of
// argocd/bootstrap/keys in its ring, and the script that its image has for it.
type keyring struct {
	*testkey.Keyring
	script  string
	allowed []string
	mu      sync.Mutex // Of two at once, gpg tells one to wait.
}

// newKeyring returns nil if there is no gpg; the page then keeps what gpg said last.
func newKeyring(t *testing.T, keys []*testkey.Key) *keyring {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		if *update || os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
			t.Fatal("gpg is not installed, and Argo CD verifies commits with it")
		}
		t.Log("gpg is not installed, so that what Argo CD says is not asked: apt-get install gnupg")
		return nil
	}
	settings, err := os.ReadFile(filepath.Join(root, "argocd/bootstrap/settings/gpg.conf"))
	if err != nil {
		t.Fatal(err)
	}
	k := &keyring{Keyring: testkey.NewKeyring(t, string(settings))}
	k.Trust(t, keys...)
	for _, key := range keys {
		k.allowed = append(k.allowed, key.ID())
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	k.script = filepath.Join(strings.TrimSpace(string(module)), "hack/git-verify-wrapper.sh")
	return k
}

// judge returns why Argo CD does not take a commit for prod. Script and reading are
// its own; what follows from them is in verifyGnuPGSignature of its controller,
// which nobody else can call: a good signature by one of signatureKeys passes, and
// nothing else does.
func (k *keyring) judge(t *testing.T, o *origin, id string) string {
	t.Helper()
	if k == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	out, err := k.Command(o.dir, "sh", k.script, id).Output()
	if err != nil {
		t.Fatalf("%s: %v", k.script, err)
	}
	if len(strings.TrimSpace(string(out))) == 0 {
		return "no signature"
	}
	result := gpg.ParseGitCommitVerification(string(out))
	if result.Result == gpg.VerifyResultGood {
		for _, key := range k.allowed {
			if gpg.KeyID(result.KeyID) == key {
				return passes
			}
		}
		return "good, by a key that `signatureKeys` lacks"
	}
	if result.Result == gpg.VerifyResultInvalid {
		return `"` + result.Result + ": " + result.Message + `"`
	}
	return `"` + result.Result + `"`
}

// numberPolicy is the admission policy approval-number-rises, compiled by the API
// server's code. The tests of argocd/verify/bootstrap try all of it; here it judges
// what Argo CD would apply.
type numberPolicy struct {
	mu        sync.Mutex
	validator validating.Validator
}

func numberRises(t *testing.T) *numberPolicy {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "argocd/bootstrap/admission/approval-number-rises.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var p admissionv1.ValidatingAdmissionPolicy
	text, _, _ := strings.Cut(string(data), "\n---\n")
	if err := yaml.UnmarshalStrict([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	compiler, err := cel.NewCompositedCompiler(celenvironment.MustBaseEnvSet(celenvironment.DefaultCompatibilityVersion(), true))
	if err != nil {
		t.Fatal(err)
	}
	declared := cel.OptionalVariableDeclarations{HasAuthorizer: true, StrictCost: true}
	for _, v := range p.Spec.Variables {
		compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, declared, celenvironment.StoredExpressions)
	}
	compile := func(expressions ...cel.ExpressionAccessor) cel.ConditionEvaluator {
		evaluator := compiler.CompileCondition(expressions, declared, celenvironment.StoredExpressions)
		if errs := evaluator.CompilationErrors(); len(errs) > 0 {
			t.Fatal(errs)
		}
		return evaluator
	}
	var conditions, messages []cel.ExpressionAccessor
	for _, v := range p.Spec.Validations {
		conditions = append(conditions, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		messages = append(messages, &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression})
	}
	everything := matchconditions.NewMatcher(compile(), p.Spec.FailurePolicy, "policy", "validate", p.Name)
	return &numberPolicy{validator: validating.NewValidator(compile(conditions...), everything, compile(), compile(messages...), p.Spec.FailurePolicy)}
}

// judge returns why the API server refuses the first object of a commit, when that
// of the commit before is there.
func (p *numberPolicy) judge(t *testing.T, clone, before, id string) string {
	t.Helper()
	configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	old, object := approvalRecord(t, clone, before), approvalRecord(t, clone, id)
	kind := object.GroupVersionKind()
	attributes := admission.NewAttributesRecord(object, old, kind, object.GetNamespace(), object.GetName(), configMaps, "", admission.Update, nil, false, nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	result := p.validator.Validate(context.Background(), configMaps, &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: kind, VersionedObject: object, VersionedOldObject: old,
	}, nil, nil, math.MaxInt64, nil)
	for _, d := range result.Decisions {
		if d.Evaluation == validating.EvalError {
			t.Fatalf("an expression failed: %s", d.Message)
		}
		if d.Action == validating.ActionDeny {
			return `"` + lasting(d.Message) + `"`
		}
	}
	return passes
}

// approvalRecord returns the ConfigMap service-approval as Argo CD renders it from
// a commit.
func approvalRecord(t *testing.T, clone, id string) *unstructured.Unstructured {
	t.Helper()
	files := revision.Open(clone)
	defer files.Close()
	repo, err := files.Resolve(id)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := render.New(repo).Release(set.Environments[0], set.Environments[0].Releases[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.Kind == "ConfigMap" && o.Name == "service-approval" {
			return &unstructured.Unstructured{Object: o.Data}
		}
	}
	t.Fatalf("%s renders no ConfigMap service-approval", id)
	return nil
}
