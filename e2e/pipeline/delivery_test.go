package pipeline

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// street is a project on its way: everything between a merge and prod.
type street struct {
	*Repository
	gitlab  *GitLab
	remote  *Served
	images  registry
	cluster *cluster
	key     *testkey.Key
	// outputs are what the pipelines have printed.
	outputs []string
}

// newStreet makes a project whose approvals a key of the test signs.
func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{Repository: New(t), key: testkey.New(t, testkey.Options{})}
	s.gitlab = StartGitLab(t, s.Repository)
	keys, err := filepath.Glob(filepath.Join(s.Dir, "argocd/bootstrap/keys/*.asc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range keys {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "argocd/bootstrap/keys", s.key.ID()+".asc"), []byte(s.key.Public()), 0o644); err != nil {
		t.Fatal(err)
	}
	was := regexp.MustCompile(`signatureKeys: \[[^\]]*\]`).FindString(read(t, filepath.Join(s.Dir, prod)))
	s.Replace(t, prod, was, `signatureKeys: ["`+s.key.ID()+`"]`)
	commit(t, s.Repository, "prod: our own key")
	s.Git(t, "push", "-q", "origin", "main")
	// A machine that would keep what it is told.
	s.Git(t, "config", "--global", "credential.helper", "store")
	s.remote = s.Serve(t)
	s.images = newRegistry(t, s.Repository)
	s.cluster = startCluster(t, s.Repository, s.images)
	s.Variables = append(s.Variables,
		Variable{Name: "GITLAB_TOKEN", Value: Bot.Password, Protected: true},
		Variable{Name: "GEN_SIGNING_KEY", Value: s.key.Secret(), File: true, Environment: "prod", Protected: true},
		Variable{Name: "GITLAB_USER_NAME", Value: "Ada Merger"}, Variable{Name: "GITLAB_USER_EMAIL", Value: "ada@example.com"},
		Variable{Name: "HEALTHY_TIMEOUT", Value: "2m"}, Variable{Name: "SMOKE_WAIT", Value: "10"},
	)
	return s
}

// merge brings a file to main by a merge request, and returns the event of main.
func (s *street) merge(t *testing.T, branchName, file, text string) Event {
	t.Helper()
	s.Git(t, "fetch", "-q", "origin")
	branch(t, s.Repository, branchName)
	makeFolder(t, filepath.Join(s.Dir, file))
	if err := os.WriteFile(filepath.Join(s.Dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Commit(t, branchName)
	if err := s.remote.Push(t, Developer, branchName); err != nil {
		t.Fatal(err)
	}
	return s.gitlab.Push("main", s.remote.Merge(t, branchName))
}

// run runs some jobs of the pipeline of an event, and checks how they end.
func (s *street) run(t *testing.T, event Event, want map[string]State) Result {
	t.Helper()
	options := Options{Jobs: slices.Sorted(maps.Keys(want))}
	if _, ok := want["approve-prod"]; ok {
		options.Manual = []string{"approve-prod"}
	}
	result := s.Run(t, event, options)
	s.outputs = append(s.outputs, result.Output)
	for _, job := range result.Jobs {
		s.outputs = append(s.outputs, job.Log)
	}
	result.Want(t, want)
	return result
}

// passed are jobs that have to pass.
func passed(jobs ...string) map[string]State {
	all := map[string]State{}
	for _, job := range jobs {
		all[job] = Passed
	}
	return all
}

// wantLog fails the test unless the log of a job has a text.
func wantLog(t *testing.T, job Job, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(job.Log, text) {
			t.Errorf("the log of %s has no %q:\n%s", job.Name, text, tail(job.Log))
		}
	}
}

// TestDelivery takes a change of the service from its merge to prod.
func TestDelivery(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs a dozen jobs")
	}
	s := newStreet(t)
	event := s.merge(t, "greeting", "service/home/greeting.txt", "hello\n")
	merged := s.Git(t, "rev-parse", "main")

	image := s.testImage(t, event)
	s.testStage(t, event, image)
	s.testSmoke(t, event)
	event = s.testPromotion(t, event, image)
	s.testApproval(t, event)
	s.testApprovalWithout(t)
	s.testForeign(t)
	s.testSecrets(t)

	// Whatever the pipelines pushed to main since the merge is one commit, and nothing
	// of it starts a pipeline.
	for _, p := range s.Pushed(t) {
		if p.By == Bot.Name && p.Ref == "refs/heads/main" && (p.Old != merged || !slices.Contains(p.Options, "ci.skip")) {
			t.Errorf("the bot pushed %+v", p)
		}
	}
}

// testImage is the job service-image. It returns the image.
func (s *street) testImage(t *testing.T, event Event) string {
	t.Helper()
	s.run(t, event, passed("service-image"))
	head := s.Git(t, "rev-parse", "HEAD")
	byCommit := s.images.pull(project + "/service:" + head)
	if byCommit == "" {
		t.Fatal("there is no image with the commit as its tag, which integration runs")
	}
	out, err := exec.Command(byCommit, "version").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`0\.0\.1-\d+\.g` + head[:10]).FindString(string(out))
	if version == "" || s.images.pull(project+"/service:"+version) == "" {
		t.Fatalf("the service says it is %s, and no image is called so", out)
	}
	service := start(t, byCommit)
	s.Variables = append(s.Variables, Variable{Name: "SERVICE_URL", Value: service.address.String()})
	return version
}

// testStage is the way to stage, and the offer to prod.
func (s *street) testStage(t *testing.T, event Event, version string) {
	t.Helper()
	before := s.Git(t, "rev-parse", "origin/main")
	result := s.run(t, event, passed("integration", "release-stage", "stage-healthy", "stage-smoke", "promote-prod"))
	s.Git(t, "fetch", "-q", "origin")

	released := s.Git(t, "rev-parse", "origin/main")
	if parent := s.Git(t, "rev-parse", "origin/main^"); parent != before {
		t.Errorf("the release stands upon %s, not %s", parent, before)
	}
	pushed := s.Pushed(t)
	pushed = pushed[len(pushed)-2:]
	if p := pushed[0]; p.By != Bot.Name || p.Ref != "refs/heads/main" || p.New != released || !slices.Equal(p.Options, []string{"ci.skip"}) {
		t.Errorf("the release was pushed as %+v", p)
	}
	if subject := s.Git(t, "log", "-1", "--format=%an: %s", released); subject != "Ada Merger: stage: release service "+version {
		t.Errorf("the release is %q", subject)
	}
	changed := s.Git(t, "diff", "--numstat", before, released)
	if changed != "2\t2\tenvs/stage/release.cue\n2\t2\tenvs/stage/values/service.yaml" {
		t.Errorf("the release changes\n%s", changed)
	}
	for _, file := range []string{"envs/stage/release.cue", "envs/stage/values/service.yaml"} {
		if text := s.Git(t, "show", released+":"+file); !strings.Contains(text, version) {
			t.Errorf("%s has no %s:\n%s", file, version, text)
		}
	}
	wantLog(t, result.Jobs["release-stage"], "RELEASE_COMMIT="+released)
	// It has waited: the first look finds the service starting.
	wantLog(t, result.Jobs["stage-healthy"], "stage/service: Synced, Progressing at "+released[:10], "runs "+released[:10]+", healthy")
	wantLog(t, result.Jobs["stage-smoke"], "ok    people: 200")
	wantLog(t, result.Jobs["integration"], "ok    people: 200")

	p := pushed[1]
	if p.By != Bot.Name || p.Ref != "refs/heads/promote/prod-"+version {
		t.Errorf("the promotion was pushed as %+v", p)
	}
	for _, option := range []string{"merge_request.create", "merge_request.target=main", "merge_request.title=prod: promote service " + version + " from stage", "merge_request.remove_source_branch"} {
		if !slices.Contains(p.Options, option) {
			t.Errorf("the promotion was pushed without the option %s: %q", option, p.Options)
		}
	}
	if parent := s.Git(t, "rev-parse", p.New+"^"); parent != released {
		t.Errorf("the promotion stands upon %s, not the release %s", parent, released)
	}
}

// testSmoke is a stage that is up and does not do what it should.
func (s *street) testSmoke(t *testing.T, event Event) {
	t.Helper()
	s.cluster.change("stage", func(env *deployed) { env.broken = "/api/fibonacci/8" })
	result := s.run(t, event, map[string]State{"stage-smoke": Failed})
	s.cluster.change("stage", func(env *deployed) { env.broken = "" })
	wantLog(t, result.Jobs["stage-smoke"], "FAIL  fibonacci: status 503, where 2xx is expected", "ok    ping: 200")
}

// testPromotion merges the promotion, and returns the event of main. Its pipeline
// builds and releases nothing.
func (s *street) testPromotion(t *testing.T, event Event, version string) Event {
	t.Helper()
	// Again, as a job is retried: nothing is pushed twice.
	before := len(s.Pushed(t))
	s.run(t, event, passed("promote-prod"))
	if again := s.Pushed(t)[before:]; len(again) > 0 {
		t.Errorf("the same promotion is pushed again: %+v", again)
	}
	event = s.gitlab.Push("main", s.remote.Merge(t, "promote/prod-"+version))
	plan := s.Plan(t, event)
	if plan["service-image"].When != "never" || plan["release-stage"].When != "never" || plan["approve-prod"].When != "manual" {
		t.Errorf("the promotion starts %+v", plan)
	}
	return event
}

// testApproval is the job approve-prod: refused while stage is not healthy, and
// signed as soon as it is.
func (s *street) testApproval(t *testing.T, event Event) {
	t.Helper()
	s.cluster.change("stage", func(env *deployed) { env.degraded = true })
	result := s.run(t, event, map[string]State{"approve-prod": Warned, "prod-healthy": Failed})
	wantLog(t, result.Jobs["approve-prod"], "nothing shows that the release works", "Degraded", "exit status 4")
	wantLog(t, result.Jobs["prod-healthy"], "approve-prod has approved nothing")
	s.cluster.change("stage", func(env *deployed) { env.degraded = false })

	result = s.run(t, event, passed("approve-prod", "prod-healthy"))
	s.Git(t, "fetch", "-q", "origin")
	approval := s.Git(t, "rev-parse", "origin/env/prod")
	approved := s.Git(t, "rev-parse", "main")
	wantLog(t, result.Jobs["approve-prod"], "APPROVAL_COMMIT="+approval)
	wantLog(t, result.Jobs["prod-healthy"], "runs "+approval[:10]+", healthy", "ok    people: 200")
	message := s.Git(t, "log", "-1", "--format=%B", approval)
	for _, want := range []string{"prod: release 1\n", "\nApproved-Commit: " + approved, "\nApproved-By: Ada Merger <ada@example.com>", "\nEvidence: stage: service " + project + "/service:", "Synced and Healthy"} {
		if !strings.Contains(message, want) {
			t.Errorf("the approval has no %q:\n%s", want, message)
		}
	}
	s.verifyCommit(t, approval)
	s.approvals(t, Passed)
	if changed := s.Git(t, "diff", "--name-only", approved, approval); changed != "envs/prod/approval.yaml" {
		t.Errorf("the approval differs from what it approves in %s", changed)
	}
	// People can do none of that by hand.
	for _, ref := range []string{"main", "env/prod"} {
		tip := s.Git(t, "rev-parse", "origin/"+ref)
		next := s.Git(t, "commit-tree", "-p", tip, "-m", "by hand", tip+"^{tree}")
		if err := s.remote.Push(t, Developer, next+":refs/heads/"+ref); err == nil || !strings.Contains(err.Error(), "not allowed to push code to protected branches") {
			t.Errorf("a developer may push to %s: %v", ref, err)
		}
	}
}

// testApprovalWithout is an approval that says why it has no evidence.
func (s *street) testApprovalWithout(t *testing.T) {
	t.Helper()
	s.cluster.change("stage", func(env *deployed) { env.degraded = true })
	event := s.merge(t, "more-docs", "docs/more.md", "more\n")
	s.run(t, event, map[string]State{"approve-prod": Warned})
	const reason = "stage is down, fix for INC-12"
	s.run(t, event.With(map[string]string{"NO_EVIDENCE": reason}), passed("approve-prod"))
	s.cluster.change("stage", func(env *deployed) { env.degraded = false })
	s.Git(t, "fetch", "-q", "origin")
	message := s.Git(t, "log", "-1", "--format=%B", "origin/env/prod")
	if !strings.Contains(message, "\nNo-Evidence: "+reason) || strings.Contains(message, "\nEvidence:") || !strings.HasPrefix(message, "prod: release 2\n") {
		t.Errorf("the approval says\n%s", message)
	}
	s.approvals(t, Passed)
}

// testForeign is a commit that somebody with the bot's token pushes.
func (s *street) testForeign(t *testing.T) {
	t.Helper()
	s.Git(t, "checkout", "-q", "--detach", "origin/env/prod")
	s.Replace(t, "envs/prod/values/service.yaml", "maxReplicas: 10", "maxReplicas: 100")
	foreign := s.Commit(t, "prod: release 3")
	if err := s.remote.Push(t, Bot, "HEAD:env/prod"); err != nil {
		t.Fatal(err)
	}
	result := s.approvals(t, Failed)
	wantLog(t, result.Jobs["approvals"], foreign[:10], "no approval from there on can be trusted")
}

// approvals runs the pipeline of the approval branch.
func (s *street) approvals(t *testing.T, want State) Result {
	t.Helper()
	s.Git(t, "checkout", "-q", "--detach", "origin/env/prod")
	return s.run(t, s.gitlab.Push("env/prod", ""), map[string]State{"approvals": want})
}

// verifyCommit has git and gpg judge a signature.
func (s *street) verifyCommit(t *testing.T, commit string) {
	t.Helper()
	requireProgram(t, "gpg")
	home := t.TempDir()
	run := func(input, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir = s.Dir
		cmd.Env = append(environ(), "HOME="+home, "GNUPGHOME="+home)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	run(s.key.Public(), "gpg", "--batch", "--no-autostart", "--import")
	run("", "git", "verify-commit", commit)
}

// testSecrets looks for the bot's token and the key in all that jobs printed and
// left.
func (s *street) testSecrets(t *testing.T) {
	t.Helper()
	key := strings.Split(s.key.Secret(), "\n")[3] // A line in the middle.
	for _, secret := range []string{Bot.Password, key} {
		if slices.ContainsFunc(s.outputs, func(text string) bool { return strings.Contains(text, secret) }) {
			t.Error("the token or the key is in a log")
		}
		if files := wantNowhere(t, secret, s.Dir, s.home, s.Origin); files < 1000 {
			t.Errorf("%d files were searched, which can't be all", files)
		}
	}
}

// A tag is the version of its image.
func TestTag(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the service")
	}
	r := New(t)
	server := StartGitLab(t, r)
	images := newRegistry(t, r)
	r.Git(t, "tag", "v0.2.0")
	result := r.Run(t, server.Tag("v0.2.0"), Options{Jobs: []string{"service-image"}})
	result.Want(t, map[string]State{"service-image": Passed})
	image := regexp.MustCompile(`(?m)IMAGE=(` + project + `/service:0\.2\.0@sha256:[0-9a-f]{64})$`).FindStringSubmatch(result.Jobs["service-image"].Log)
	if image == nil || images.pull(image[1]) == "" {
		t.Fatalf("there is no image 0.2.0:\n%s", result.Jobs["service-image"].Log)
	}
}
