package kubernetes

// goodObjects are taken by every version. Each shows something that is easy to refuse by mistake.
var goodObjects = map[string]string{
	"a workload with all sorts of scalars": `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  creationTimestamp: "2026-01-02T03:04:05Z"
  labels: {app: web}
spec:
  replicas: 3
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 0}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      tolerations: [{operator: Exists, effect: ""}]
      containers:
      - name: web
        image: web@sha256:0
        imagePullPolicy: ""
        ports: [{name: http, containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /, port: http}}
        livenessProbe: {httpGet: {path: /, port: 8080}}
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 1, memory: 1.5Gi, ephemeral-storage: 1e9}}
      volumes:
      - name: cache
        emptyDir: {sizeLimit: 500Mi}
`,
	"a Secret with data folded by YAML": `
apiVersion: v1
kind: Secret
metadata: {name: a}
type: Opaque
data: {a: aGVsbG8=, b: "aGVs\nbG8=", c: ""}
stringData: {d: plain}
`,
	"a generated name":       "{apiVersion: batch/v1, kind: Job, metadata: {generateName: a-}, spec: {template: {spec: {containers: []}}}}",
	"a whole number as 3.0":  "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {replicas: 3.0, selector: {}}}",
	"micro seconds":          `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: a}, spec: {renewTime: "2026-01-02T03:04:05.000006Z"}}`,
	"an incomplete status":   "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {minAvailable: 50%}, status: {}}",
	"free form in a builtin": "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: a}, revision: 1, data: {any: {thing: [1]}}}",
	"a CRD": `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: as.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: A, plural: as}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, additionalProperties: {type: string, default: a, enum: [a, 1]}, x-kubernetes-preserve-unknown-fields: true}
`,
	"a ValidatingAdmissionPolicy": `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: release-number}
spec:
  failurePolicy: Fail
  paramKind: {apiVersion: v1, kind: ConfigMap}
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [configmaps]}]
  validations: [{expression: "true", message: refused}]
`,
	"an Application": `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: prod
  destination: {server: https://kubernetes.default.svc, namespace: web}
  source:
    repoURL: https://example.org/towpath.git
    path: charts/service
    targetRevision: env/prod
    helm: {valueFiles: [a.yaml], valuesObject: {any: {thing: [1, true]}}}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    retry: {limit: 3, backoff: {duration: 5s, factor: 2}}
    syncOptions: [CreateNamespace=false]
  ignoreDifferences: [{group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}]
`,
	"an AppProject": `
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: prod}
spec:
  sourceRepos: [https://example.org/towpath.git]
  destinations: [{namespace: web, server: https://kubernetes.default.svc}]
  clusterResourceWhitelist: []
  namespaceResourceWhitelist: [{group: apps, kind: Deployment}]
  signatureKeys: [{keyID: 4AEE18F83AFDEB23}]
`,
	"an ApplicationSet with int-or-string": `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all}
spec:
  generators:
  - list: {elements: [{any: thing}]}
  strategy: {type: RollingSync, rollingSync: {steps: [{maxUpdate: 25%}, {maxUpdate: 1}]}}
  template:
    metadata: {name: a}
    spec: {project: prod, destination: {}}
`,
	"an HTTPRoute": `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: public, namespace: gateways, sectionName: https}]
  hostnames: [web.example.org]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    timeouts: {request: 30s}
    backendRefs: [{name: web, port: 80}]
`,
	"a ServiceMonitor": `
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec:
  selector: {matchLabels: {app.kubernetes.io/instance: web}}
  endpoints: [{port: metrics, interval: 30s, scrapeTimeout: 10s}]
`,
	"a PrometheusRule": `
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: web}
spec: {groups: [{name: web, rules: [{alert: Down, expr: up == 0, for: 5m, labels: {severity: page}}]}]}
`,
	"an ExternalSecret": `
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: web}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: vault, kind: ClusterSecretStore}
  target: {name: web, creationPolicy: Owner}
  data: [{secretKey: password, remoteRef: {key: web/prod, property: password}}]
`,
}
