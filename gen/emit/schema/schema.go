package schema

import (
	_ "embed"

	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/schema/"

// skeleton is the part that does not vary with the ontology.
//
//go:embed skeleton/schema.go.txt
var skeleton []byte

// Emit makes generated/schema.
func Emit(p *plan.Plan) ([]write.File, error) {
	files := []write.File{
		{Path: folder + "schema.go", Content: skeleton},
		{Path: folder + "ontology.ttl", Content: ontology(p)},
		{Path: folder + "meta.ttl", Content: meta(p)},
		{Path: folder + "shapes.ttl", Content: shapes(p)},
		{Path: folder + "digest.go", Content: digest(p)},
	}
	files = append(files, literals(p)...)
	documents := map[string]object{"context.jsonld": context(p)}
	for _, k := range p.Kinds {
		documents["kinds/"+k.Schema] = kindSchema(k)
	}
	for _, e := range p.Events {
		documents["events/"+e.Schema] = eventSchema(e)
	}
	for path, content := range documents {
		f, err := document(path, content)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
