package client

import (
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// TestAnswersAreReadAsTheyWere writes resources as a server does and reads them
// as the client does: references in fields, in keys of maps, in sets and deep
// inside come back whole.
func TestAnswersAreReadAsTheyWere(t *testing.T) {
	const root = "https://example.com"
	container := &domain.Container{
		Head: domain.Head{Ref: "/products/shop/containers/api", Phase: domain.PhaseReady, Revision: 3, Last: 5, CreatedAt: 1000, UpdatedAt: 2000},
		Spec: domain.ContainerSpec{
			Description: new("see https://example.com/products"), // a text, not a reference
			Image:       "api:1", Identity: "/products/shop/workload-identities/worker", Replicas: 2, Restart: domain.RestartPolicyAlways,
			Env:    map[string]domain.EnvVar{"DB": {Secret: "/products/shop/secrets/db"}},
			Mounts: map[base.Ref]domain.Mount{"/products/shop/volumes/media": {Path: "/data"}, "/products/other/volumes/media": {Path: "/other"}},
		},
		Status: domain.ContainerStatus{Nodes: []base.Ref{"/nodes/pi-1", "/nodes/pi-2"}},
	}
	e := base.Encoder{Root: root}
	codec.AppendResource(&e, container)
	v, failed := base.ReadJSON(e.Buffer, base.Limits{})
	if failed != nil {
		t.Fatal(failed)
	}
	got, err := read[*domain.Container](root, v)
	if err != nil {
		t.Fatal(err)
	}
	stored := func(r domain.Resource) string {
		e := base.Encoder{Stored: true}
		codec.AppendResource(&e, r)
		return string(e.Buffer)
	}
	if stored(got) != stored(container) {
		t.Errorf("got  %s\nwant %s", stored(got), stored(container))
	}
	if _, err := read[*domain.Volume](root, v); err == nil {
		t.Error("a container was read as a volume")
	}
}
