// Package synthetic makes repositories of any size, as Towpath has them, to measure
// and to test on.
//
// A fleet is services of teams, each released in several environments. It is laid out
// as a repository of that size would be, so that two teams never edit one file:
//
//	envs/teams/TEAM/TEAM.cue       what all releases of a team have in common
//	envs/ENV/env.cue               tier, cluster, delivery
//	envs/ENV/TEAM/env.cue          the team's releases in one environment
//	envs/ENV/TEAM/release.cue      and their images
//	envs/contract, envs/policy     those of the repository that it is made from,
//	charts, argocd/bootstrap       and so are these
//
// What is produced, values and Applications, is not there: gen render makes it.
//
// The same [Fleet] always is the same bytes. A fleet with more releases, and the same
// environments and seed, begins with those of the smaller one.
package synthetic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// Fleet says which fleet to make.
type Fleet struct {
	// Releases in all environments together.
	Releases int
	// Environments over which they are spread: dev, stage, prod, prod-2 and so on.
	Environments int
	// Seed decides what the releases are like.
	Seed uint64
}

// Most is the greatest number of environments, and MostReleases of releases.
const (
	Most         = 200
	MostReleases = 100_000
)

// validate reports what can't be made.
func (f Fleet) validate() error {
	switch {
	case f.Releases < 1 || f.Releases > MostReleases:
		return fmt.Errorf("a fleet has 1 to %d releases, not %d", MostReleases, f.Releases)
	case f.Environments < 1 || f.Environments > Most:
		return fmt.Errorf("a fleet has 1 to %d environments, not %d", Most, f.Environments)
	case f.Environments > f.Releases:
		return errors.New("a fleet has no environments without releases: ask for more releases, or fewer environments")
	}
	return nil
}

// Size is how much a release says beyond its team's defaults.
type Size int

// The sizes: of ten releases of the chart service, about six are small, three medium
// and one large.
const (
	// Small is an image, and what it leaves out.
	Small Size = iota
	// Medium is what envs/prod of the repository says.
	Medium
	// Large is nearly everything that the contract lets it say.
	Large
)

func (s Size) String() string { return [...]string{"small", "medium", "large"}[s] }

// Release is one release of a fleet.
type Release struct {
	Environment, Name, Team string
	// Chart is service, postgres or redis.
	Chart string
	// Size is that of its values; those of postgres and redis are all small.
	Size Size
	// File is the file that a person edits for the release.
	File string
}

// service is what the same release has in common in every environment.
type service struct {
	name, team string
	chart      string
	size       Size
	replicas   int // in production
	tag        string
	digest     string
}

// Services of a team, of which each does one thing.
var tasks = []string{"api", "web", "worker", "jobs", "search", "mail", "report", "audit", "export", "admin", "sync", "hooks"}

// Teams, by what they are for. The next round of them has numbers.
var themes = []string{
	"payments", "catalogue", "orders", "billing", "identity", "shipping", "pricing", "stock", "reviews", "support",
	"media", "search", "ledger", "fraud", "loyalty", "returns", "partners", "insight", "mobile", "content",
}

// teamOf is the name of a team, by its number.
func teamOf(number int) string {
	name := themes[number%len(themes)]
	if round := number / len(themes); round > 0 {
		name = fmt.Sprintf("%s-%d", name, round+1)
	}
	return name
}

// service returns the service with the number. It depends on nothing but that and
// the seed, so that a larger fleet begins as a smaller one.
func (f Fleet) service(number int) service {
	random := rand.New(rand.NewPCG(f.Seed, uint64(number)))
	team := teamOf(number / len(tasks))
	s := service{
		team: team, chart: "service", size: Small,
		name:     team + "-" + tasks[number%len(tasks)],
		replicas: 2 + random.IntN(4),
		tag:      fmt.Sprintf("%d.%d.%d", 1+random.IntN(3), random.IntN(20), random.IntN(40)),
		digest:   fmt.Sprintf("sha256:%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()),
	}
	switch lot := random.IntN(100); {
	case number == 0: // A fleet of one is worth measuring too.
		s.size = Medium
	case lot < 5:
		s.chart = "postgres"
	case lot < 10:
		s.chart = "redis"
	case lot < 19:
		s.size = Large
	case lot < 46:
		s.size = Medium
	}
	return s
}

// Names are those of the environments, in the order in which a change reaches them.
func (f Fleet) Names() []string {
	names := []string{"dev", "stage", "prod"}
	for i := len(names); i < f.Environments; i++ {
		names = append(names, fmt.Sprintf("prod-%d", i-1))
	}
	return names[:f.Environments]
}

// List is every release of the fleet, ordered by environment and name.
func (f Fleet) List() ([]Release, error) {
	if err := f.validate(); err != nil {
		return nil, err
	}
	var list []Release
	names := f.Names()
	for i := range f.Environments {
		for number := range f.services(i) {
			s := f.service(number)
			list = append(list, Release{names[i], s.name, s.team, s.chart, s.size, path.Join("envs", names[i], s.team, "env.cue")})
		}
	}
	slices.SortFunc(list, func(a, b Release) int {
		if c := strings.Compare(a.Environment, b.Environment); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list, nil
}

// services is how many services the environment with the number has: what doesn't
// divide evenly goes to the first ones.
func (f Fleet) services(environment int) int {
	return (f.Releases + f.Environments - 1 - environment) / f.Environments
}
