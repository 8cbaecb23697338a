package lawtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/generated/schema"
)

const apiServer base.Ref = "/products/photo-app/containers/api-server"

// written is the declaration as a person sends it.
const written = `{
  "image": "photo-api:1.0.0",
  "args": ["--port", "8080"],
  "env": {"LOG_LEVEL": {"value": "info"}, "DB_URL": {"secret": "db-connection"}},
  "mounts": {"media-store": {"path": "/data"}},
  "resources": {"cpu": 500, "memory": 268435456},
  "replicas": 2,
  "tags": {"team": "backend"}
}`

// body is what a GET answers.
const body = `{
  "iri": "https://picloud.local/products/photo-app/containers/api-server",
  "kind": "container",
  "name": "api-server",
  "product": "https://picloud.local/products/photo-app",
  "tags": { "team": "backend" },
  "image": "photo-api:1.0.0",
  "args": ["--port", "8080"],
  "env": {
    "DB_URL": { "secret": "https://picloud.local/products/photo-app/secrets/db-connection" },
    "LOG_LEVEL": { "value": "info" }
  },
  "mounts": { "media-store": { "path": "/data", "readOnly": false } },
  "resources": { "cpu": 500, "memory": 268435456 },
  "replicas": 2,
  "restart": "always",
  "status": {
    "phase": "ready",
    "revision": 184,
    "createdAt": "2026-11-22T20:31:07.114Z",
    "updatedAt": "2026-11-22T20:31:09.902Z",
    "changedBy": "https://picloud.local/events/191",
    "deployment": "photo-app",
    "nodes": ["https://picloud.local/nodes/pi-1", "https://picloud.local/nodes/pi-2"],
    "restarts": 0
  }
}`

// triples are the 44 of the document, without status.deployment.
const triples = `
<> rdf:type pc:Container
<> rdfs:label "api-server"
<> pc:kind pc:Container
<> pc:name "api-server"
<> pc:product </products/photo-app>
<> pc:tags <#tags/team>
<> pc:image "photo-api:1.0.0"
<> pc:args <#args/0>
<> pc:env <#env/DB_URL>
<> pc:env <#env/LOG_LEVEL>
<> pc:mounts <#mounts/media-store>
<> pc:resources <#resources>
<> pc:replicas 2
<> pc:restart pc:RestartAlways
<> pc:phase pc:Ready
<> pc:revision 184
<> pc:createdAt 2026-11-22T20:31:07.114Z
<> pc:updatedAt 2026-11-22T20:31:09.902Z
<> pc:changedBy </events/191>
<> pc:nodes </nodes/pi-1>
<> pc:nodes </nodes/pi-2>
<> pc:restarts 0
<#tags/team> rdf:type pc:Tag
<#tags/team> pc:key "team"
<#tags/team> pc:value "backend"
<#args/0> rdf:first "--port"
<#args/0> rdf:rest <#args/1>
<#args/0> pm:index 0
<#args/1> rdf:first "8080"
<#args/1> rdf:rest rdf:nil
<#args/1> pm:index 1
<#env/DB_URL> rdf:type pc:EnvVar
<#env/DB_URL> pc:key "DB_URL"
<#env/DB_URL> pc:secret </products/photo-app/secrets/db-connection>
<#env/LOG_LEVEL> rdf:type pc:EnvVar
<#env/LOG_LEVEL> pc:key "LOG_LEVEL"
<#env/LOG_LEVEL> pc:value "info"
<#mounts/media-store> rdf:type pc:Mount
<#mounts/media-store> pc:volume </products/photo-app/volumes/media-store>
<#mounts/media-store> pc:path "/data"
<#mounts/media-store> pc:readOnly false
<#resources> rdf:type pc:Resources
<#resources> pc:cpu 500
<#resources> pc:memory 268435456
`

// example lives the life of the worked example up to position 191.
func example(t *testing.T) domain.Resource {
	t.Helper()
	v, unreadable := base.ReadJSON([]byte(written), base.Limits{})
	if unreadable != nil {
		t.Fatal(unreadable)
	}
	d := &base.Decoder{Model: schema.Model, Root: root, Address: base.Address{
		Ref: apiServer, Kind: "container", Name: "api-server", Product: "/products/photo-app",
	}}
	command := codec.DecodeDeclare(d, domain.KindContainer, v, "photo-app")
	if command.Validate(&d.Check); len(d.Violations) > 0 {
		t.Fatal(d.Violations)
	}
	r := step(t, nil, command, 184, "2026-11-22T20:31:07.114Z")
	return step(t, r, &domain.ObserveContainer{
		Ref: apiServer, Of: 184, Phase: domain.PhaseReady,
		Status: domain.ContainerStatus{Nodes: []base.Ref{"/nodes/pi-1", "/nodes/pi-2"}, Restarts: new(int64)},
	}, 191, "2026-11-22T20:31:09.902Z")
}

// step decides a command that gives one event and folds it.
func step(t *testing.T, before domain.Resource, c domain.Command, at base.Position, time string) domain.Resource {
	t.Helper()
	payloads, err := c.Decide(before)
	if err != nil || len(payloads) != 1 {
		t.Fatalf("%T gave %d events, %v", c, len(payloads), err)
	}
	moment, _ := base.ParseTime(time)
	after, err := domain.Evolve(before, &domain.Event{
		Position: at, Subject: c.Subject(), Time: moment, Actor: "/identities/alice", Deployment: "photo-app", Payload: payloads[0],
	})
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestWorkedExampleAsJSON(t *testing.T) {
	var want bytes.Buffer
	if err := json.Compact(&want, []byte(body)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(shown(example(t)))); diff != "" {
		t.Error(diff)
	}
}

func TestWorkedExampleAsQuads(t *testing.T) {
	r := example(t)
	r.Common().Deployment = ""
	w := &base.QuadWriter{Root: root}
	quads.Append(w, r)
	var got strings.Builder
	got.WriteByte('\n')
	for _, q := range w.Quads {
		fmt.Fprintf(&got, "%s %s %s\n", short(q.S), short(q.P), short(q.O))
	}
	if diff := cmp.Diff(triples, got.String()); diff != "" {
		t.Error(diff)
	}
	if len(w.Quads) != 44 {
		t.Errorf("%d triples", len(w.Quads))
	}
}

// short writes a term as the document does.
func short(t base.Term) string {
	if t.Kind == base.LiteralTerm {
		if t.Datatype == base.XSDString {
			return fmt.Sprintf("%q", t.Value)
		}
		return t.Value
	}
	for _, p := range [][2]string{
		{apiServer.Absolute(root) + "#", "<#"}, {base.Ontology, "pc:"}, {base.Meta, "pm:"}, {base.RDFS, "rdfs:"}, {base.RDF, "rdf:"},
	} {
		if rest, ok := strings.CutPrefix(t.Value, p[0]); ok {
			return p[1] + rest + strings.Repeat(">", strings.Count(p[1], "<"))
		}
	}
	if t.Value == apiServer.Absolute(root) {
		return "<>"
	}
	return "<" + strings.TrimPrefix(t.Value, root) + ">"
}

func TestWorkedExampleFollowsFromItsClass(t *testing.T) {
	r := example(t)
	w := &base.QuadWriter{Root: root}
	quads.AppendInferred(w, r)
	var got []string
	for _, q := range w.Quads {
		got = append(got, short(q.O))
	}
	if diff := cmp.Diff([]string{"pc:Workload", "pc:Resource"}, got); diff != "" {
		t.Error(diff)
	}
	if g := quads.Graph(r.Kind(), apiServer); g != "/products/photo-app/graph" {
		t.Errorf("in %s", g)
	}
}

func TestWorkedExampleAsCloudEvent(t *testing.T) {
	before := example(t)
	declared := before.(*domain.Container).Spec
	declared.Replicas = 3
	payloads, err := (&domain.DeclareContainer{Ref: apiServer, Spec: declared}).Decide(before)
	if err != nil || len(payloads) != 1 {
		t.Fatal(payloads, err)
	}
	moment, _ := base.ParseTime("2026-11-22T21:02:11.480Z")
	e := &base.Encoder{Root: root, Source: "urn:uuid:6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31"}
	codec.AppendEvent(e, &domain.Event{
		Position: 240, Subject: apiServer, Time: moment, Actor: "/identities/bob", Correlation: "01J", Deployment: "photo-app", Payload: payloads[0],
	})
	const want = `{"specversion":"1.0","id":"240","source":"urn:uuid:6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31","type":"ContainerChanged",` +
		`"subject":"https://picloud.local/products/photo-app/containers/api-server","time":"2026-11-22T21:02:11.480Z",` +
		`"datacontenttype":"application/json","dataschema":"https://picloud.local/schemas/events/ContainerChanged/v1",` +
		`"actor":"https://picloud.local/identities/bob","correlationid":"01J","deployment":"photo-app",` +
		`"data":{"changed":["/replicas"],"tags":{"team":"backend"},"image":"photo-api:1.0.0","args":["--port","8080"],` +
		`"env":{"DB_URL":{"secret":"https://picloud.local/products/photo-app/secrets/db-connection"},"LOG_LEVEL":{"value":"info"}},` +
		`"mounts":{"media-store":{"path":"/data","readOnly":false}},"resources":{"cpu":500,"memory":268435456},"replicas":3,"restart":"always"}}`
	if diff := cmp.Diff(want, string(e.Buffer)); diff != "" {
		t.Error(diff)
	}
	if got := domain.Supertypes(domain.TypeContainerReady); !cmp.Equal(got, []string{"WorkloadReady", "ResourceReady", "Event"}) {
		t.Errorf("ContainerReady specialises %v", got)
	}
	if domain.PermanentEvent(domain.TypeContainerObserved) || !domain.PermanentEvent(domain.TypeContainerReady) {
		t.Error("observations are kept for ever, or reports are not")
	}
}

func TestWorkedExampleNamesItsReferences(t *testing.T) {
	got := example(t).References()
	want := []base.Reference{
		{Pointer: "/env/DB_URL/secret", Target: "/products/photo-app/secrets/db-connection", Class: "Secret", Rule: base.Ontology + "EnvVar-secret"},
		{Pointer: "/mounts/media-store", Target: "/products/photo-app/volumes/media-store", Class: "Volume", Rule: base.Ontology + "Mount-volume"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
