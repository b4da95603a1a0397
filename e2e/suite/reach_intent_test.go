package suite

import (
	"cmp"
	"slices"
	"testing"
)

// This file says who is meant to reach whom. It speaks of what the environments want, not of NetworkPolicies, so that a
// wrong policy fails. cluster/envs has the environments: dev keeps its data in memory, stage brings its own PostgreSQL
// and Redis, prod's are outside of the cluster.

// The ports that are meant.
const (
	httpPort, metricsPort     = 8080, 9090
	postgresPort, redisPort   = 5432, 6379
	dnsPort, kubernetesPort   = 53, 6443
	httpsPort, forgottenPort  = 443, 4711 // Nobody names the second anywhere.
	repoServerPort            = 8081
	loginPort, otherLoginPort = 5556, 5557
)

// role is what a pod, or a place outside of the cluster, is for.
type role string

// The roles of the pods of an environment. The last is a pod there that belongs to no release.
const (
	service   role = "service"
	migration role = "migration Job"
	helmTest  role = "helm test"
	postgres  role = "postgres"
	dump      role = "backup Job"
	redis     role = "redis"
	neighbour role = "another pod"
)

// The roles of all others.
const (
	ingress      role = "Ingress controller"
	monitoring   role = "Prometheus"
	stranger     role = "stranger"
	dns          role = "DNS"
	outsideData  role = "PostgreSQL outside"
	outsideRedis role = "Redis outside"
	apiServer    role = "API server"
	gitServer    role = "Git server"
	internet     role = "the internet"
	argoServer   role = "argocd-server"
	argoRepo     role = "argocd-repo-server"
	argoControl  role = "argocd-application-controller"
	argoSets     role = "argocd-applicationset-controller"
	argoNotify   role = "argocd-notifications-controller"
	argoDex      role = "argocd-dex-server"
	argoRedis    role = "argocd-redis"
)

// sentence says that one role reaches another on a port.
type sentence struct {
	from, to role
	port     int
}

// wanted is what each environment wants of those in it and of those who come to it. Pods of the same role in two
// environments have nothing to do with each other.
var wanted = map[string][]sentence{
	"dev": {
		{ingress, service, httpPort},
		{helmTest, service, httpPort},
		{monitoring, service, metricsPort},
		{service, dns, dnsPort},
	},
	"stage": {
		{ingress, service, httpPort},
		{helmTest, service, httpPort},
		{monitoring, service, metricsPort},
		{service, dns, dnsPort},
		{service, postgres, postgresPort},
		{service, redis, redisPort},
		{migration, dns, dnsPort},
		{migration, postgres, postgresPort},
		{dump, dns, dnsPort},
		{dump, postgres, postgresPort},
	},
	"prod": {
		{ingress, service, httpPort},
		{helmTest, service, httpPort},
		{monitoring, service, metricsPort},
		{service, dns, dnsPort},
		{service, outsideData, postgresPort},
		{service, outsideRedis, redisPort},
		{migration, dns, dnsPort},
		{migration, outsideData, postgresPort},
	},
}

// argoCDWants is what Argo CD wants of those who come to it; its own installation has the policies. Its server takes
// whoever comes. Metrics and webhooks are for anyone.
const anyone role = ""

var argoCDWants = []sentence{
	{anyone, argoRepo, 8084}, {anyone, argoControl, 8082}, {anyone, argoNotify, 9001}, {anyone, argoDex, 5558},
	{anyone, argoSets, 7000}, {anyone, argoSets, 8080},
	{argoServer, argoRepo, repoServerPort}, {argoControl, argoRepo, repoServerPort},
	{argoNotify, argoRepo, repoServerPort}, {argoSets, argoRepo, repoServerPort},
	{argoServer, argoRedis, redisPort}, {argoRepo, argoRedis, redisPort}, {argoControl, argoRedis, redisPort},
	{argoServer, argoDex, loginPort}, {argoServer, argoDex, otherLoginPort},
}

// The roles whom nobody reaches, and those who reach nobody, unless a sentence says so.
var (
	letsNobodyIn = []role{
		service, migration, postgres, dump, redis,
		argoRepo, argoControl, argoSets, argoNotify, argoDex, argoRedis,
	}
	goesNowhere = []role{service, migration, postgres, dump, redis}
)

// isWanted tells whether a role, of an environment or of none, is meant to reach another on a port.
func isWanted(fromEnv string, from role, toEnv string, to role, port int) bool {
	opens, leaves := !slices.Contains(letsNobodyIn, to), !slices.Contains(goesNowhere, from)
	if slices.Contains(argoCDWants, sentence{from, to, port}) || slices.Contains(argoCDWants, sentence{anyone, to, port}) {
		opens = true
	}
	if opens && leaves {
		return true
	}
	if fromEnv != "" && toEnv != "" && fromEnv != toEnv {
		return false
	}
	return slices.Contains(wanted[cmp.Or(toEnv, fromEnv)], sentence{from, to, port})
}

func TestIntent(t *testing.T) {
	for _, test := range []struct {
		fromEnv string
		from    role
		toEnv   string
		to      role
		port    int
		want    bool
	}{
		{"stage", service, "stage", postgres, postgresPort, true},
		{"stage", service, "stage", postgres, forgottenPort, false},
		{"stage", service, "stage", redis, postgresPort, false},
		{"stage", postgres, "stage", service, httpPort, false},
		{"dev", service, "stage", postgres, postgresPort, false},
		{"prod", service, "", outsideData, postgresPort, true},
		{"stage", service, "", outsideData, postgresPort, false},
		{"prod", migration, "", outsideRedis, redisPort, false},
		{"prod", service, "", apiServer, kubernetesPort, false},
		{"prod", service, "", argoServer, 8080, false},
		{"", ingress, "prod", service, httpPort, true},
		{"", ingress, "prod", service, metricsPort, false},
		{"", stranger, "prod", service, httpPort, false},
		{"", argoControl, "prod", service, httpPort, false},
		{"prod", neighbour, "prod", service, httpPort, false},
		{"dev", neighbour, "prod", neighbour, httpPort, true},
		{"", stranger, "", argoRedis, redisPort, false},
		{"", argoServer, "", argoRedis, redisPort, true},
		{"stage", postgres, "", dns, dnsPort, false},
		{"stage", service, "", dns, 8080, false},
	} {
		if got := isWanted(test.fromEnv, test.from, test.toEnv, test.to, test.port); got != test.want {
			t.Errorf("%s %s to %s %s on port %d: %t", test.fromEnv, test.from, test.toEnv, test.to, test.port, got)
		}
	}
}
