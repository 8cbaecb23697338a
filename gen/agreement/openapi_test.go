package agreement

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/domain"
)

// called is a server that notes what it is asked for.
type called struct{ what, ref string }

func (c *called) note(what string, kind domain.Kind, ref base.Ref) {
	c.what, c.ref = what+" "+string(kind), string(ref)
}
func (c *called) List(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("list", k, at)
}
func (c *called) Get(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("get", k, at)
}
func (c *called) Put(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("put", k, at)
}
func (c *called) Patch(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("patch", k, at)
}
func (c *called) Delete(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("delete", k, at)
}
func (c *called) Operate(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref, operation string) {
	c.note(operation, k, at)
}
func (c *called) Sparql(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("sparql", k, at)
}
func (c *called) Graph(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("graph", k, at)
}
func (c *called) Findings(_ http.ResponseWriter, _ *http.Request, k domain.Kind, at base.Ref) {
	c.note("findings", k, at)
}

func document30(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// TestEveryRouteIsDescribedAndServed asks the routes of kinds for every
// operation that OpenAPI describes.
func TestEveryRouteIsDescribedAndServed(t *testing.T) {
	p, _ := subjects(t)
	document := document30(t)
	served := &called{}
	mux := http.NewServeMux()
	api.Mount(mux, served)
	api.MountDatasets(mux, served)
	for _, r := range slices.Concat(p.Routes, p.DatasetRoutes) {
		item := document.Paths.Value(strings.Replace(r.Path, "...", "", 1))
		if item == nil || item.GetOperation(r.Method) == nil || item.GetOperation(r.Method).OperationID != r.ID {
			t.Errorf("%s %s is not described as %s", r.Method, r.Path, r.ID)
		}
		path := strings.NewReplacer("{product}", "shop", "{name}", "some-name", "{below...}", "of/2026").Replace(r.Path)
		*served = called{}
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(r.Method, path, nil))
		if !strings.HasSuffix(served.what, " "+r.Kind.Word) {
			t.Errorf("%s %s led to %q", r.Method, path, served.what)
		}
		if r.Operation != nil {
			path = strings.TrimSuffix(path, "/"+r.Operation.Name)
		}
		path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(path, "/of/2026"), "/graph"), "/sparql"), "/findings")
		if served.ref != path {
			t.Errorf("%s %s is about %q", r.Method, path, served.ref)
		}
	}
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodHead, "/", nil))
	if served.what != "get cluster" || served.ref != "/" {
		t.Errorf("HEAD / led to %q of %q", served.what, served.ref)
	}
}

// TestAPIIsOfUseToClientGenerators keeps away what they commonly stumble over.
func TestAPIIsOfUseToClientGenerators(t *testing.T) {
	document := document30(t)
	ids := map[string]string{}
	for path, item := range document.Paths.Map() {
		for method, o := range item.Operations() {
			place := method + " " + path
			if other := ids[strings.ToLower(o.OperationID)]; other != "" {
				t.Errorf("%s and %s are both %s", place, other, o.OperationID)
			}
			ids[strings.ToLower(o.OperationID)] = place
			if o.Summary == "" || len(o.Tags) != 1 || o.Responses.Value("500") == nil {
				t.Errorf("%s lacks a summary, its one tag or the answer 500", place)
			}
		}
	}
	names := map[string]string{}
	for name, s := range document.Components.Schemas {
		if other := names[strings.ToLower(name)]; other != "" {
			t.Errorf("schemas %s and %s differ in case only", name, other)
		}
		names[strings.ToLower(name)] = name
		usable(t, name, s)
	}
}

func usable(t *testing.T, place string, s *openapi3.SchemaRef) {
	if s == nil || s.Ref != "" && strings.Contains(place, "/") {
		return
	}
	if len(s.Value.OneOf) > 0 && s.Value.Discriminator == nil {
		t.Errorf("%s has oneOf without a discriminator", place)
	}
	for _, v := range s.Value.Enum {
		if v == nil {
			t.Errorf("%s has null in its enum", place)
		}
	}
	if strings.HasSuffix(place, "Input") && s.Value.Default != nil {
		t.Errorf("%s has a default, which generated clients would send", place)
	}
	for name, inner := range s.Value.Properties {
		usable(t, place+"/"+name, inner)
	}
	usable(t, place+"/items", s.Value.Items)
	usable(t, place+"/values", s.Value.AdditionalProperties.Schema)
}

// TestNewerOpenAPISaysTheSame converts the document and looks for what 3.1 does
// not know.
func TestNewerOpenAPISaysTheSame(t *testing.T) {
	newer := api.OpenAPI31()
	for _, old := range []string{`"nullable"`, `"openapi":"3.0`} {
		if strings.Contains(string(newer), old) {
			t.Errorf("%s is left in it", old)
		}
	}
	document, err := openapi3.NewLoader().LoadFromData(newer)
	if err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || document.Paths.Len() != document30(t).Paths.Len() {
		t.Errorf("got version %s with %d paths", document.OpenAPI, document.Paths.Len())
	}
	removable := document.Components.Schemas["VolumePatch"].Value.Properties["description"].Value
	if !removable.Type.Includes("null") {
		t.Errorf("a description cannot be removed: its type is %v", removable.Type)
	}
}
