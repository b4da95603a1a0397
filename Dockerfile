# The image of the service: one static binary and the CA bundle, nothing else. There is no
# shell, no package and no source in it. It writes below DATA_DIR only, and nothing at all with a
# PostgreSQL and without the web app, so its root may be read-only.
#
#   docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) -t service .
#
# The Go image is pinned by its full version. A tag can be moved, a digest cannot; to pin by digest
# look it up (docker buildx imagetools inspect golang:1.26.8-bookworm) and pass
# --build-arg GO_IMAGE=golang:1.26.8-bookworm@sha256:... The final stage is scratch, so all that
# the image takes from there is the compiler's output and the CA bundle.
ARG GO_IMAGE=golang:1.26.8-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
# The module file serves the whole repository. There is no `go mod download`: it would fetch
# what the other programs need too, gigabytes of it; the build fetches what the service imports.
COPY go.mod go.sum ./
COPY service/ service/
ARG VERSION=unknown
ARG COMMIT=unknown
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    go build -trimpath -buildvcs=false \
      -ldflags "-s -w \
        -X gitlab.com/towpath/towpath/service/build.version=${VERSION} \
        -X gitlab.com/towpath/towpath/service/build.commit=${COMMIT}" \
      -o /out/service ./service && mkdir -p /out/data

FROM scratch
ARG VERSION=unknown
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="service" \
      org.opencontainers.image.description="The Fiber service that Towpath deploys" \
      org.opencontainers.image.source="https://gitlab.com/towpath/towpath" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/service /service
# A volume that is mounted here for the first time takes over the owner.
COPY --from=build --chown=65532:65532 /out/data/ /var/lib/towpath/
# Kubernetes can check runAsNonRoot only against a number.
USER 65532:65532
# The service, and /metrics with a second /livez.
EXPOSE 8080 9090
ENTRYPOINT ["/service"]
