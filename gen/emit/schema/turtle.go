package schema

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/plan"
)

// ontology is the served vocabulary: the files of the ontology as people wrote
// them, under one set of prefixes, and what follows from them.
func ontology(p *plan.Plan) []byte {
	var b bytes.Buffer
	prefixes(&b, p)
	first := []string{"meta.ttl", "core.ttl"}
	for _, name := range first {
		b.Write(body(file(p, name)))
	}
	for _, f := range p.Model.Source.Files {
		if !slices.Contains(first, f.Name) && f.Name != "meta-shapes.ttl" {
			b.Write(body(f))
		}
	}
	b.WriteString("\n# What follows from the kinds: their events, and the properties of all shapes.\n\n")
	events(&b, p)
	properties(&b, p)
	return b.Bytes()
}

// meta is the modelling language alone.
func meta(p *plan.Plan) []byte {
	var b bytes.Buffer
	prefixes(&b, p)
	b.Write(body(file(p, "meta.ttl")))
	return b.Bytes()
}

func file(p *plan.Plan, name string) load.File {
	i := slices.IndexFunc(p.Model.Source.Files, func(f load.File) bool { return f.Name == name })
	if i < 0 {
		return load.File{}
	}
	return p.Model.Source.Files[i]
}

func prefixes(b *bytes.Buffer, p *plan.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Model.Source.Prefixes)) {
		fmt.Fprintf(b, "@prefix %-5s <%s> .\n", name+":", p.Model.Source.Prefixes[name])
	}
	b.WriteByte('\n')
}

// body is a file without its prefixes: statements of one line, as everybody
// writes them; other forms of them do no harm where they stand.
func body(f load.File) []byte {
	var b bytes.Buffer
	blank := true
	for line := range strings.Lines(string(f.Content)) {
		empty := strings.TrimSpace(line) == ""
		if strings.HasPrefix(line, "@prefix ") || empty && blank {
			continue
		}
		b.WriteString(line)
		blank = empty
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// events are the classes that each kind and abstract class gets.
func events(b *bytes.Buffer, p *plan.Plan) {
	declared := map[string]bool{}
	for _, f := range p.Model.Source.Files {
		for _, s := range f.Statements {
			if s.P.Value == base.RDFType && s.O.Value == base.Meta+"Event" {
				declared[s.S.Value] = true
			}
		}
	}
	one := func(iri, super, label, comment, on string) {
		if !declared[iri] {
			fmt.Fprintf(b, "%s a pm:Event, rdfs:Class ; rdfs:subClassOf pc:%s ; pm:on %s ; rdfs:label %s@en ; rdfs:comment %s@en .\n",
				curie(iri), super, curie(on), quote(label), quote(comment))
		}
	}
	for _, a := range p.Abstracts {
		for _, e := range a.Events {
			one(e.IRI, e.Supers[0], e.Label, e.Comment, a.Class.IRI)
		}
	}
	for _, k := range p.Kinds {
		for _, e := range k.Events {
			one(e.IRI, e.Supers[0], e.Label, e.Comment, k.Class.IRI)
		}
	}
	b.WriteByte('\n')
}

func properties(b *bytes.Buffer, p *plan.Plan) {
	address := map[string]bool{}
	for _, q := range p.Model.Properties {
		address[q.IRI] = true
	}
	for _, t := range p.Terms {
		if strings.HasPrefix(t.Const, "Prop") && !address[t.IRI] {
			fmt.Fprintf(b, "%s a rdf:Property ; rdfs:label %s@en .\n", curie(t.IRI), quote(spaced(t.IRI)))
		}
	}
}

// spaced is the name of a property as people say it: attached node.
func spaced(iri string) string {
	var b strings.Builder
	for _, r := range iri[strings.LastIndexAny(iri, "#/")+1:] {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func curie(iri string) string {
	for _, known := range []struct{ prefix, namespace string }{
		{"pm:", base.Meta}, {"pc:", base.Ontology}, {"rdf:", base.RDF}, {"rdfs:", base.RDFS}, {"xsd:", base.XSD},
	} {
		if name, ok := strings.CutPrefix(iri, known.namespace); ok {
			return known.prefix + name
		}
	}
	return "<" + iri + ">"
}

// quote writes a string of Turtle.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// shapes are the document shapes: flat, closed, self-sufficient.
func shapes(p *plan.Plan) []byte {
	var b bytes.Buffer
	for _, prefix := range []struct{ name, iri string }{
		{"pc", base.Ontology}, {"rdf", base.RDF}, {"rdfs", base.RDFS}, {"sh", "http://www.w3.org/ns/shacl#"}, {"xsd", base.XSD},
	} {
		fmt.Fprintf(&b, "@prefix %-5s <%s> .\n", prefix.name+":", prefix.iri)
	}
	for _, k := range p.Kinds {
		fmt.Fprintf(&b, "\n%s-document a sh:NodeShape ; sh:targetClass %s ; sh:closed true", curie(k.Class.IRI), curie(k.Class.IRI))
		ignored := []string{"rdf:type", "rdfs:label", "pc:kind", "pc:product"}
		for _, f := range slices.Concat(p.Head, k.Observed) {
			ignored = append(ignored, curie(f.IRI))
		}
		fmt.Fprintf(&b, " ;\n  sh:ignoredProperties ( %s )", strings.Join(ignored, " "))
		name := p.Model.Scalar("DnsLabel")
		properties := []string{fmt.Sprintf("sh:path pc:name ; sh:maxCount 1 ; %s", textShape(name.MinLength, name.MaxLength, name.Pattern))}
		for _, f := range k.Declared {
			properties = append(properties, propertyShapes(f)...)
		}
		propertyList(&b, properties)
		if len(k.Class.OneOf) > 0 {
			oneOf(&b, k)
		}
		b.WriteString(" .\n")
	}
	for _, v := range p.Values {
		fmt.Fprintf(&b, "\n%s-document a sh:NodeShape ; sh:closed true ;\n  sh:ignoredProperties ( rdf:type rdfs:label )", curie(v.Class.IRI))
		var properties []string
		if v.Key != nil {
			properties = propertyShapes(v.Key)
		}
		for _, f := range v.Fields {
			properties = append(properties, propertyShapes(f)...)
		}
		propertyList(&b, properties)
		for _, set := range v.Alternatives {
			b.WriteString(" ;\n  sh:xone (")
			for _, f := range set {
				fmt.Fprintf(&b, " [ sh:path %s ; sh:minCount 1 ]", curie(f.IRI))
			}
			b.WriteString(" )")
		}
		b.WriteString(" .\n")
	}
	return b.Bytes()
}

func propertyList(b *bytes.Buffer, properties []string) {
	for i, s := range properties {
		lead := "             "
		if i == 0 {
			lead = " ;\n  sh:property"
		} else {
			b.WriteString(" ,\n")
		}
		fmt.Fprintf(b, "%s [ %s ]", lead, s)
	}
}

// oneOf says what can be seen of write-only alternatives in one document: not
// two of them.
func oneOf(b *bytes.Buffer, k *plan.Kind) {
	b.WriteString(" ;\n  sh:or (")
	for _, kept := range k.Class.OneOf {
		b.WriteString(" [")
		first := true
		for _, name := range k.Class.OneOf {
			if name == kept {
				continue
			}
			if !first {
				b.WriteString(" ;")
			}
			first = false
			fmt.Fprintf(b, " sh:property [ sh:path %s ; sh:maxCount 0 ]", curie(k.Class.Field(name).IRI))
		}
		b.WriteString(" ]")
	}
	b.WriteString(" )")
}

// propertyShapes are the constraints of one field: one shape, or three for a
// list (its head, its cells, its items).
func propertyShapes(f *plan.Field) []string {
	path := curie(f.IRI)
	least := ""
	if f.Required {
		least = " ; sh:minCount " + strconv.Itoa(max(1, f.MinItems))
	}
	switch f.Form {
	case base.List:
		cells := fmt.Sprintf("sh:path ( %s [ sh:zeroOrMorePath rdf:rest ] ) ; sh:maxCount %d", path, f.MaxItems+1) // and rdf:nil
		if f.MinItems > 0 {
			cells += " ; sh:minCount " + strconv.Itoa(f.MinItems+1)
		}
		head := fmt.Sprintf("sh:path %s ; sh:maxCount 1 ; sh:nodeKind sh:BlankNodeOrIRI", path)
		if f.Required {
			head += " ; sh:minCount 1"
		}
		return []string{
			head,
			cells,
			fmt.Sprintf("sh:path ( %s [ sh:zeroOrMorePath rdf:rest ] rdf:first ) ; %s", path, valueShape(f)),
		}
	case base.Single:
		return []string{fmt.Sprintf("sh:path %s%s ; sh:maxCount 1 ; %s", path, least, valueShape(f))}
	}
	return []string{fmt.Sprintf("sh:path %s%s ; sh:maxCount %d ; %s", path, least, f.MaxItems, valueShape(f))}
}

func valueShape(f *plan.Field) string {
	switch f.Type {
	case base.TypeObject:
		return fmt.Sprintf("sh:nodeKind sh:BlankNodeOrIRI ; sh:node %s-document", curie(f.Object.Class.IRI))
	case base.TypeRef:
		return "sh:nodeKind sh:IRI" + addressShape(f.Target)
	case base.TypeEnum:
		var members []string
		for _, t := range f.Enum.Tokens {
			members = append(members, curie(t.IRI))
		}
		return "sh:in ( " + strings.Join(members, " ") + " )"
	case base.TypeString:
		return textShape(f.MinLength, f.MaxLength, f.Scalar.Scalar.Pattern)
	case base.TypeBoolean:
		return "sh:datatype xsd:boolean"
	case base.TypeDateTime:
		return "sh:datatype xsd:dateTime"
	}
	shape := "sh:datatype " + curie(f.Scalar.Datatype)
	if f.Min != nil {
		shape += fmt.Sprintf(" ; sh:minInclusive %d", *f.Min)
	}
	if f.Max != nil {
		shape += fmt.Sprintf(" ; sh:maxInclusive %d", *f.Max)
	}
	return shape
}

// addressShape says of which kinds an address is: its path tells.
func addressShape(t *plan.Target) string {
	if t == nil || len(t.Class.Supers) == 0 && t.Class.Abstract {
		return "" // anything, or any resource
	}
	var paths []string
	for _, k := range t.Kinds {
		switch {
		case k.Singleton:
			paths = append(paths, "/")
		case k.InCluster && k.InProduct:
			paths = append(paths, "(/products/[^/?#]+)?/"+k.Segment+"/[^/?#]+")
		case k.InProduct:
			paths = append(paths, "/products/[^/?#]+/"+k.Segment+"/[^/?#]+")
		default:
			paths = append(paths, "/"+k.Segment+"/[^/?#]+")
		}
	}
	return " ; sh:pattern " + quote("^https://[^/?#]+("+strings.Join(paths, "|")+")$")
}

func textShape(low, high int, pattern string) string {
	shape := "sh:datatype xsd:string"
	if low > 0 {
		shape += fmt.Sprintf(" ; sh:minLength %d", low)
	}
	shape += fmt.Sprintf(" ; sh:maxLength %d", high)
	if pattern != "" {
		shape += " ; sh:pattern " + quote(pattern)
	}
	return shape
}
