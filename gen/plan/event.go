package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// kindEvents plans the events of kinds and of abstract classes.
func (p *planner) kindEvents() {
	for _, e := range p.Model.Events {
		k := p.kinds[e.Kind]
		event := &Event{
			Event: e, Kind: k, Go: goName(e.Name), Supers: e.Supers,
			Schema: fmt.Sprintf("%s.v%d.json", e.Name, e.Version), To: p.tokens[e.To],
		}
		event.Const, event.Term = "Type"+event.Go, "Class"+event.Go
		for _, from := range e.From {
			event.From = append(event.From, p.tokens[from])
		}
		for _, name := range e.Carries {
			event.Carried = append(event.Carried, p.carried(k, name))
		}
		for _, a := range e.Sets {
			f := fieldNamed(k.Observed, a.Field)
			event.Sets = append(event.Sets, Assignment{f, a.Value, constant(f, a.Value)})
		}
		if e.Observation {
			k.Observe = "Observe" + k.Go
		}
		p.events[e.Name] = event
		p.Events = append(p.Events, event)
		k.Events = append(k.Events, event)
	}
	for _, k := range p.Kinds {
		for _, l := range p.Model.Lifecycles {
			if name := p.lifecycle(k); l.Name == name {
				k.Initial = p.tokens[l.Initial]
			}
		}
	}
	for _, e := range p.Model.EventTypes {
		for _, a := range p.Abstracts {
			if a.Name == e.Class {
				a.Events = append(a.Events, &EventClass{e.Name, e.IRI, e.Label, e.Comment, e.Supers, "Class" + goName(e.Name)})
			}
		}
	}
}

// lifecycle is the name of the lifecycle of a kind.
func (p *planner) lifecycle(k *Kind) string {
	switch k.Lifecycle {
	case base.Declarative:
		return "Declarative"
	case base.Reconciled:
		return "Reconciled"
	}
	for _, l := range p.Model.Lifecycles {
		for _, e := range k.Events {
			if slices.Contains(l.Events, e.Name) {
				return l.Name
			}
		}
	}
	return ""
}

// carried finds a field that an event names: of the kind, the head or the
// envelope.
func (p *planner) carried(k *Kind, name string) *Field {
	return cmp.Or(fieldNamed(k.Observed, name), fieldNamed(k.Declared, name), fieldNamed(p.Head, name), fieldNamed(p.Envelope, name))
}

func constant(f *Field, value string) string {
	switch f.Type {
	case base.TypeEnum:
		return f.Enum.token(value).Go
	case base.TypeString, base.TypeDateTime:
		return fmt.Sprintf("%q", value)
	}
	return value
}

// EventOf finds the event of a kind that specialises one of the common
// lifecycles ("ResourceReady"), or nil.
func (k *Kind) EventOf(common string) *Event {
	for _, e := range k.Events {
		if e.Of == common {
			return e
		}
	}
	return nil
}

// calls plans operations, views, routes and columns.
func (p *planner) calls() {
	for _, o := range p.Model.Operations {
		k := p.kinds[o.Kind]
		operation := &Operation{
			Operation: o, Kind: k, Go: goName(o.Name) + k.Go, ID: varName(o.Name + "-" + k.Word),
			Permission: k.Word + ":" + o.Name, Input: p.values[o.Operation.Input], Causes: p.events[o.Causes],
		}
		for _, from := range o.From {
			operation.From = append(operation.From, p.tokens[from])
		}
		if o.Platform {
			operation.Permission = k.Word + ":observe"
			k.Reports = append(k.Reports, operation)
			continue
		}
		k.Operations = append(k.Operations, operation)
	}
	for _, v := range p.Model.Views {
		k := p.kinds[v.Kind]
		k.Views = append(k.Views, &View{v, k, varName(k.Word + "-" + v.Name)})
	}
	for _, k := range p.Kinds {
		k.Routes = routes(k)
		p.Routes = append(p.Routes, k.Routes...)
		k.DatasetRoutes = datasetRoutes(k)
		p.DatasetRoutes = append(p.DatasetRoutes, k.DatasetRoutes...)
		k.Columns = p.columns(k)
	}
}

// routes are the methods of a kind. A kind of both scopes has its own
// operation ids for the cluster.
func routes(k *Kind) (all []*Route) {
	if k.InProduct {
		all = append(all, scoped(k, "/products/{product}", "", true)...)
	}
	if k.InCluster {
		scope := ""
		if k.InProduct {
			scope = "Cluster"
		}
		all = append(all, scoped(k, "", scope, false)...)
	}
	return all
}

func scoped(k *Kind, prefix, scope string, inProduct bool) (all []*Route) {
	collection := prefix + "/" + k.Segment
	one := collection + "/{name}"
	if k.Singleton {
		one = "/"
	}
	add := func(action Action, method, path, id string, o *Operation) {
		all = append(all, &Route{method, path, id, action, k, o, inProduct})
	}
	if !k.Singleton {
		add(List, "GET", collection, "list"+scope+k.GoPlural, nil)
	}
	add(Get, "GET", one, "get"+scope+k.Go, nil)
	if k.Declare != "" {
		add(Put, "PUT", one, "put"+scope+k.Go, nil)
		add(Patch, "PATCH", one, "patch"+scope+k.Go, nil)
	}
	if k.Delete != "" {
		add(Delete, "DELETE", one, "delete"+scope+k.Go, nil)
	}
	for _, o := range k.Operations {
		add(Operate, "POST", strings.TrimSuffix(one, "/")+"/"+o.Name, o.ID+scope, o)
	}
	return all
}

// datasetRoutes are the endpoints of the datasets of a kind: one of SPARQL,
// one of graphs, which are named by a parameter or by their own address, and one
// of what reasoning found.
func datasetRoutes(k *Kind) (all []*Route) {
	if !k.Dataset {
		return nil
	}
	for _, route := range routes(k) {
		if route.Action != Get {
			continue
		}
		scope := strings.TrimSuffix(strings.TrimPrefix(route.ID, "get"), k.Go)
		add := func(action Action, method, path, id string) {
			all = append(all, &Route{Method: method, Path: route.Path + path, ID: id, Action: action, Kind: k, InProduct: route.InProduct})
		}
		add(Sparql, "GET", "/sparql", "query"+scope+k.Go)
		add(Sparql, "POST", "/sparql", "update"+scope+k.Go)
		for _, place := range []struct{ path, id string }{{"/graph", "Graph"}, {"/graph/{below...}", "GraphBelow"}} {
			for _, method := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
				add(Graph, method, place.path, strings.ToLower(method)+scope+k.Go+place.id)
			}
		}
		add(Findings, "GET", "/findings", "get"+scope+k.Go+"Findings")
	}
	return all
}

// columnsMax is how many fields of its own a table shows.
const columnsMax = 4

// columns chooses what a table of the kind shows: name, the fields that tell
// most, and how it is.
func (p *planner) columns(k *Kind) []Column {
	columns := []Column{{Title: "NAME", Pointer: "/name"}}
	if k.InProduct {
		columns = append(columns, Column{Title: "PRODUCT", Pointer: "/product"})
	}
	own := 0
	show := func(f *Field, required bool, prefix string) {
		if own < columnsMax && f.Required == required && brief(f) {
			columns = append(columns, Column{strings.ToUpper(strings.Join(words(f.Name), " ")), prefix + "/" + f.Name, f})
			own++
		}
	}
	for _, f := range k.Declared {
		show(f, true, "")
	}
	for _, f := range k.Declared {
		show(f, false, "")
	}
	for _, f := range k.Observed {
		show(f, false, "/status")
	}
	return append(columns, Column{Title: "PHASE", Pointer: "/status/phase"}, Column{Title: "UPDATED", Pointer: "/status/updatedAt"})
}

// brief reports whether a value fits into a column.
func brief(f *Field) bool {
	return f.Form == base.Single && f.Type != base.TypeObject && !f.Sensitive && !f.Content && f.MaxLength <= 512
}
