package api

import (
	_ "embed"
	"fmt"

	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/api"

// fixed is the part that does not vary with the ontology.
//
//go:embed api.go.txt
var fixed []byte

// Emit makes generated/api.
func Emit(p *plan.Plan) ([]write.File, error) {
	routes, err := routes(p).Render()
	if err != nil {
		return nil, err
	}
	document, err := Document(p)
	if err != nil {
		return nil, err
	}
	return []write.File{routes, {Path: folder + "/api.go", Content: fixed}, {Path: folder + "/openapi.json", Content: document}}, nil
}

// routes is the table of routes, a line for each.
func routes(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "routes.go", "")
	f.Doc("Mount mounts every route of every kind. GET serves HEAD as well.")
	f.Func("Mount(mux *http.ServeMux, s Server)", func(b *gocode.Block) {
		for _, r := range p.Routes {
			b.Do("mux.HandleFunc(%q, %s)", r.Method+" "+pattern(r), handler(r))
		}
	})
	f.Doc("MountDatasets mounts the endpoints of every dataset. GET serves HEAD as well.")
	f.Func("MountDatasets(mux *http.ServeMux, s DatasetServer)", func(b *gocode.Block) {
		for _, r := range p.DatasetRoutes {
			b.Do("mux.HandleFunc(%q, %s)", r.Method+" "+pattern(r), handler(r))
		}
	})
	return f
}

// pattern is the path as http.ServeMux takes it: "/" alone would match all.
func pattern(r *plan.Route) string {
	if r.Path == "/" {
		return "/{$}"
	}
	return r.Path
}

func handler(r *plan.Route) string {
	kind, segment := "domain."+r.Kind.Const, r.Kind.Segment
	switch r.Action {
	case plan.List:
		return fmt.Sprintf("collection(s.List, %s, %q)", kind, segment)
	case plan.Operate:
		return fmt.Sprintf("operation(s.Operate, %s, %q, %q)", kind, segment, r.Operation.Name)
	}
	method := map[plan.Action]string{plan.Get: "Get", plan.Put: "Put", plan.Patch: "Patch", plan.Delete: "Delete", plan.Sparql: "Sparql", plan.Graph: "Graph", plan.Findings: "Findings"}[r.Action]
	return fmt.Sprintf("resource(s.%s, %s, %q)", method, kind, segment)
}
