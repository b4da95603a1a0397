package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v2/util/gpg"
	argosettings "github.com/argoproj/argo-cd/v2/util/settings"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
)

func stringMap(o *unstructured.Unstructured, way ...string) map[string]string {
	m, _, err := unstructured.NestedStringMap(o.Object, way...)
	if err != nil {
		return nil // kubectl would refuse the object
	}
	return m
}

// configMap returns the data of one of Argo CD's ConfigMaps as bootstrap leaves it.
func (c *check) configMap(name string) map[string]string {
	for _, o := range c.built {
		if o.GetKind() == "ConfigMap" && o.GetName() == name && o.GetNamespace() == delivery.Namespace {
			return stringMap(o, "data")
		}
	}
	return nil
}

// applicationNamespaces splits the setting as Argo CD's flag does.
func (c *check) applicationNamespaces() []string {
	return split(c.configMap("argocd-cmd-params-cm")["application.namespaces"])
}

func split(list string) []string {
	var out []string
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

func (c *check) resourcesFilter() *argosettings.ResourcesFilter {
	if c.built == nil {
		return nil
	}
	filter := &argosettings.ResourcesFilter{}
	data := c.configMap("argocd-cm")
	for key, list := range map[string]*[]argosettings.FilteredResource{
		"resource.exclusions": &filter.ResourceExclusions,
		"resource.inclusions": &filter.ResourceInclusions,
	} {
		if err := yaml.Unmarshal([]byte(data[key]), list); err != nil {
			c.report(c.setting(key), "unreadable-object", fmt.Sprintf("argocd-cm: %s: %v", key, err), "")
		}
	}
	return filter
}

// unsafe are settings that open a way around the rules, with the only value
// that keeps it shut.
var unsafe = []struct {
	configMap, key, want string
	// absent tells that Argo CD's default is safe.
	absent bool
	why    string
}{
	{"argocd-cm", "users.anonymous.enabled", "false", true, "whoever reaches Argo CD would be logged in"},
	{"argocd-cm", "server.rbac.log.enforce.enable", "true", false, "whoever may see an Application would read the logs of its pods"},
	{"argocd-cm", "exec.enabled", "false", true, "Argo CD would open a shell in pods"},
	{"argocd-cm", "helm.valuesFileSchemes", "", false, "value files could come from any address"},
	{"argocd-cm", "kustomize.enable", "false", false, "a kustomization takes in files by address"},
	{"argocd-cm", "resource.compareoptions", "", true, "differences between cluster and Git would be ignored"},
	{"argocd-cm", "resource.customizations.ignoreDifferences.all", "", true, "differences between cluster and Git would be ignored"},
	{"argocd-cmd-params-cm", "server.disable.auth", "false", true, "whoever reaches Argo CD would be its admin"},
	{"argocd-cmd-params-cm", "applicationsetcontroller.enable.scm.providers", "false", false, "ApplicationSets could ask other Git hosts what to make"},
	{"argocd-cmd-params-cm", "applicationsetcontroller.policy", "", true, "ApplicationSets would not follow Git"},
	{"argocd-cmd-params-cm", "hydrator.enabled", "false", true, "Argo CD would write manifests to Git itself"},
	{"argocd-cmd-params-cm", "reposerver.allow.oob.symlinks", "false", true, "a link could lead out of the repository"},
	{"argocd-cmd-params-cm", "reposerver.enable.git.submodule", "false", false, "a submodule is another repository"},
}

func (c *check) settings() {
	for _, u := range unsafe {
		value, set := c.configMap(u.configMap)[u.key]
		if set && value == u.want || !set && u.absent {
			continue
		}
		c.report(c.setting(u.key), "unsafe-setting", fmt.Sprintf("%s: %s is %q: %s", u.configMap, u.key, value, u.why),
			fmt.Sprintf("set %s to %q in %s/settings/%s.yaml", u.key, u.want, bootstrap.Dir, u.configMap))
	}
	if method := c.configMap("argocd-cm")["application.resourceTrackingMethod"]; method != "annotation" && method != "annotation+label" {
		c.report(c.setting("application.resourceTrackingMethod"), "unsafe-setting",
			fmt.Sprintf("argocd-cm: application.resourceTrackingMethod is %q: labels cut the names of Applications short, and two of them could own the same object", method),
			"set it to annotation")
	}
	c.namespaces()
	c.signatures()
}

func (c *check) namespaces() {
	var known []string
	for _, env := range c.Environments {
		known = append(known, delivery.ApplicationNamespace(env.Name))
	}
	for _, namespace := range c.applicationNamespaces() {
		if !slices.Contains(known, namespace) {
			c.report(c.setting("application.namespaces"), "open-namespaces",
				fmt.Sprintf("application.namespaces lets Argo CD read Applications of %q, which is not a namespace of an environment", namespace),
				"run gen render, which lists the environments one by one")
		}
	}
	c.rolloutNamespaces()
}

// signatures reports whether Argo CD could check signatures at all.
func (c *check) signatures() {
	const variable = "ARGOCD_GPG_ENABLED"
	for _, o := range c.built {
		if text, err := o.MarshalJSON(); err == nil && (o.GetKind() == "Deployment" || o.GetKind() == "StatefulSet") &&
			strings.Contains(string(text), variable) {
			c.report(c.setting(variable), "signatures-off", fmt.Sprintf("%s %s sets %s: Argo CD would check no signature", o.GetKind(), o.GetName(), variable),
				"leave the variable out; Argo CD checks signatures by default")
		}
	}
	ring := c.configMap("argocd-gpg-keys-cm")
	for id, armoured := range ring {
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armoured))
		switch {
		case err != nil:
			c.report(c.setting(id), "unknown-signature-key", fmt.Sprintf("argocd-gpg-keys-cm: %s is no OpenPGP key: %v", id, err), "")
		case len(keys) != 1:
			c.report(c.setting(id), "unknown-signature-key", fmt.Sprintf("argocd-gpg-keys-cm: %s holds %d keys, and Argo CD takes one", id, len(keys)), "")
		case keys[0].PrimaryKey.KeyIdString() != id:
			c.report(c.setting(id), "unknown-signature-key",
				fmt.Sprintf("argocd-gpg-keys-cm: the key under %s is %s", id, keys[0].PrimaryKey.KeyIdString()), "an entry is named by the id of its key")
		case keys[0].PrivateKey != nil:
			c.report(c.setting(id), "unknown-signature-key", fmt.Sprintf("argocd-gpg-keys-cm: %s is a private key", id), "replace the key: it is no longer secret")
		}
	}
	for _, env := range c.Environments {
		for i, id := range env.Delivery.SignatureKeys {
			if _, ok := ring[gpg.KeyID(id)]; !ok {
				c.in(env, c.position(env.Name, "spec", "signatureKeys", i), "unknown-signature-key",
					fmt.Sprintf("environment %s wants commits signed by %s, a key that Argo CD does not have", env.Name, id),
					"add the public key to argocd/bootstrap/keys and to argocd/bootstrap/kustomization.yaml")
			}
		}
	}
}
