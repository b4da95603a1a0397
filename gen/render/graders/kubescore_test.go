package graders_test

import (
	"bytes"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/zegl/kube-score/config"
	"github.com/zegl/kube-score/domain"
	"github.com/zegl/kube-score/parser"
	"github.com/zegl/kube-score/score"
	"github.com/zegl/kube-score/scorecard"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// waiver puts up with a complaint of kube-score.
type waiver struct {
	check string
	// object is a pattern for environment/Kind/name, as of path.Match.
	object string
	// pinned is true where it holds only for objects whose images all have digests.
	pinned bool
	reason string
}

var waivers = []waiver{
	{
		check: "container-image-pull-policy", object: "*/*/*/*", pinned: true,
		reason: "A digest names one image for ever; asking the registry for it again would only let an outage there stop restarts.",
	},
	{
		check: "deployment-replicas", object: "*/dev/Deployment/service",
		reason: "dev keeps its data in SQLite, a file of one pod.",
	},
	{
		check: "deployment-strategy", object: "*/dev/Deployment/service",
		reason: "Its disk is one node's: the next pod could not start while this one holds it.",
	},
}

// complaint is one check that an object does not pass.
type complaint struct {
	// object is Kind/name.
	check, object, message string
}

// complaints returns what kube-score's default checks hold against the objects of an environment, warnings included.
func complaints(t *testing.T, version string, manifests []byte) (all []complaint) {
	t.Helper()
	kubernetes, err := config.ParseSemver(version)
	if err != nil {
		t.Fatal(err)
	}
	// As kube-score's command line has it, except that no annotation of an object can silence a check.
	run := &config.RunConfiguration{KubernetesVersion: kubernetes, MinReplicasDeployment: 2, MinReplicasHPA: 2}
	reader, err := parser.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := reader.ParseFiles([]domain.NamedReader{named{bytes.NewReader(manifests)}})
	if err != nil {
		t.Fatal(err)
	}
	card, err := score.Score(objects, score.RegisterAllChecks(objects, nil, run), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range *card {
		for _, check := range object.Checks {
			if check.Skipped || check.Grade > scorecard.GradeWarning {
				continue
			}
			message := check.Grade.String()
			for _, comment := range check.Comments {
				message += "; " + strings.TrimSpace(comment.Path+" "+comment.Summary+": "+comment.Description)
			}
			all = append(all, complaint{check.Check.ID, object.TypeMeta.Kind + "/" + object.ObjectMeta.Name, message})
		}
	}
	slices.SortFunc(all, func(a, b complaint) int { return strings.Compare(a.object+a.check, b.object+b.check) })
	return all
}

type named struct{ io.Reader }

func (named) Name() string { return "manifests" }

// TestKubeScore accepts no complaint of kube-score but those that are waived, and no waiver that is of no use.
func TestKubeScore(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every environment")
	}
	used := make([]bool, len(waivers))
	for _, env := range environments(t) {
		objects := env.objects(t)
		for _, c := range complaints(t, env.Cluster.KubernetesVersion, text(t, objects)) {
			i := slices.IndexFunc(waivers, func(w waiver) bool {
				matches, err := path.Match(w.object, env.name+"/"+c.object)
				return err == nil && matches && w.check == c.check && (!w.pinned || pinned(t, objects, c.object))
			})
			if i < 0 {
				t.Errorf("%s/%s: %s: %s", env.name, c.object, c.check, c.message)
				continue
			}
			used[i] = true
		}
	}
	for i, w := range waivers {
		if !used[i] {
			t.Errorf("nothing needs the waiver of %s for %s any more: remove it", w.check, w.object)
		}
	}
}

var (
	image  = regexp.MustCompile(`(?m)^[ -]*image: .*$`)
	digest = regexp.MustCompile(`@sha256:[0-9a-f]{64}"?$`)
)

// pinned tells whether every image of an object, named Kind/name, has a digest.
func pinned(t *testing.T, objects []manifest.Object, name string) bool {
	t.Helper()
	i := slices.IndexFunc(objects, func(o manifest.Object) bool { return o.Kind+"/"+o.Name == name })
	if i < 0 {
		return false
	}
	images := image.FindAllString(string(text(t, objects[i:i+1])), -1)
	return len(images) > 0 && !slices.ContainsFunc(images, func(line string) bool { return !digest.MatchString(line) })
}
