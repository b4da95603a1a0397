// What takes more than Go and git to test: GitLab's pipeline, a real Kubernetes
// API, a real Argo CD. A module of its own, so that nothing of it is in the others.
module gitlab.com/towpath/towpath/e2e

go 1.26.0

require (
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2
	gitlab.com/towpath/towpath v0.0.0
	sigs.k8s.io/yaml v1.5.0
)

require (
	github.com/cloudflare/circl v1.3.7 // indirect
	github.com/containerd/stargz-snapshotter/estargz v0.16.3 // indirect
	github.com/docker/cli v27.5.0+incompatible // indirect
	github.com/docker/distribution v2.8.3+incompatible // indirect
	github.com/docker/docker-credential-helpers v0.8.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/compress v1.18.6 // indirect
	github.com/mitchellh/go-homedir v1.1.0 // indirect
	github.com/opencontainers/go-digest v1.0.0 // indirect
	github.com/opencontainers/image-spec v1.1.1 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/sirupsen/logrus v1.9.3 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/vbatts/tar-split v0.11.6 // indirect
	golang.org/x/crypto v0.53.0 // indirect
	golang.org/x/sync v0.21.0 // indirect
)

require (
	github.com/ProtonMail/go-crypto v1.1.5
	github.com/google/go-containerregistry v0.20.3
	github.com/moby/patternmatcher v0.6.1
	github.com/spf13/cobra v1.10.2
	go.yaml.in/yaml/v2 v2.4.2 // indirect
	golang.org/x/sys v0.46.0
	golang.org/x/text v0.38.0 // indirect
)

replace gitlab.com/towpath/towpath => ../
