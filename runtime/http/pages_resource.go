package http

import (
	"context"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/state"
)

// resourcePage shows a resource, its history and what lies below it.
type resourcePage struct {
	Name, Kind, KindHref, Comment string
	Phase, Reason, Description    string
	Unconcluded                   string // why nothing follows from the dataset it holds
	Ref                           base.Ref
	Declared, Status              []field
	Asks                          []link // where it answers queries, and what it holds
	Below                         []below
	Operations                    []base.Operation
	History                       []happening
	OlderHistory                  bool

	position base.Position
}

// below is one collection of the resource.
type below struct {
	Label, Href, Comment string
	Links                []link
	More                 int
}

func (p resourcePage) describe(d *pageData) {
	d.Title, d.Position = p.Name, p.position
	path := string(p.Ref)
	for _, f := range resourceFormats[:4] {
		d.Alternates = append(d.Alternates, link{Text: f.title(), Href: path + "?format=" + f.Name, Media: f.Media})
	}
}

// alsoShown are the members that a page shows in its head.
var alsoShown = []string{"iri", "kind", "name", "product", "status", "description", "phase", "reason"}

func (s *Server) resourcePage(principal command.Principal, now *state.State, entry state.Entry) resourcePage {
	r := entry.Resource
	head := r.Common()
	class := schema.Model.Kind(string(r.Kind()))
	page := resourcePage{
		Name: head.Ref.Name(), Kind: class.Label, KindHref: ontologyHref(class.IRI), Comment: class.Comment,
		Phase: string(head.Phase), Reason: head.Reason, Ref: head.Ref, Operations: class.Operations, position: now.Position,
	}
	page.Description, _ = r.Labels()
	if page.Name == "" {
		page.Name = s.domain
	}
	var e base.Encoder
	codec.AppendResource(&e, r)
	if v, fault := base.ReadJSON(e.Buffer, base.Limits{Bytes: len(e.Buffer) + 1}); fault == nil {
		t := tree{product: head.Ref.Product()}
		page.Declared = t.fields(class, v, "", alsoShown...)
		if status := v.Get("status"); status != nil {
			page.Status = t.fields(class, status, "", alsoShown...)
		}
	}
	page.Asks = asks(head.Ref, class)
	if holder, ok := r.(domain.DatasetHolder); ok && inferences[holder.Dataset().Inference].regime != "" {
		page.Asks = append(page.Asks, link{Text: "What reasoning found", Href: string(head.Ref) + "/findings"})
		page.Unconcluded = s.unconcluded(head.Ref)
	}
	page.Below = s.below(principal, now, head.Ref, class)
	page.History, page.OlderHistory = s.history(head.Last)
	return page
}

// unconcluded says why nothing follows from a dataset at present, "" if it does
// or is not read in yet: no page waits for that.
func (s *Server) unconcluded(ref base.Ref) string {
	now, end := context.WithCancel(context.Background())
	end()
	view, err := s.cfg.Datasets.View(now, ref, 0)
	if err != nil || view.Unconcluded == nil {
		return ""
	}
	return view.Unconcluded.Error()
}

// asks are the addresses at which a resource of a class answers queries.
func asks(ref base.Ref, class *base.Class) []link {
	switch {
	case class.Dataset:
		return []link{{Text: "Ask it in SPARQL", Href: string(ref) + "/sparql"}, {Text: "All that it holds", Href: string(ref) + "/graph"}}
	case class.Singleton:
		return []link{{Text: "Ask the graph of the cluster", Href: "/sparql"}}
	case ref.Scope() == ref:
		return []link{{Text: "Ask the graph of this product", Href: string(ref) + "/sparql"}}
	}
	return nil
}

// belowShown is how many members of a collection a page names.
const belowShown = 12

// below lists the collections under a resource that a principal may read:
// those of the cluster, or those of a product.
func (s *Server) below(principal command.Principal, now *state.State, ref base.Ref, class *base.Class) (list []below) {
	for _, kind := range schema.Model.Classes {
		prefix := ""
		switch {
		case !kind.Kind || kind.Singleton:
			continue
		case class.Singleton && kind.InCluster:
			prefix = "/" + kind.Segment
		case ref.Scope() == ref && kind.InProduct:
			prefix = string(ref) + "/" + kind.Segment
		default:
			continue
		}
		if s.door.MayRead(principal, domain.Kind(kind.Word), base.Ref(prefix)) != nil {
			continue
		}
		b := below{Label: words(kind.Plural), Href: prefix, Comment: kind.Comment}
		for entry := range now.List(prefix, "") {
			if len(b.Links) == belowShown {
				b.More++
				continue
			}
			member := entry.Resource.Common().Ref
			b.Links = append(b.Links, link{Text: member.Name(), Href: string(member)})
		}
		if len(b.Links) > 0 {
			list = append(list, b)
		}
	}
	slices.SortFunc(list, func(a, b below) int { return strings.Compare(a.Label, b.Label) })
	return list
}

// collectionPage shows a page of a collection.
type collectionPage struct {
	Title, Comment, Next, Path, Search string
	Rows                               []memberRow
}

type memberRow struct {
	Name, Href, Phase, Note string
	UpdatedAt               shown
}

func (p collectionPage) describe(d *pageData) {
	d.Title = p.Title
	for _, f := range resourceFormats[:4] {
		d.Alternates = append(d.Alternates, link{Text: f.title(), Href: p.Path + "?format=" + f.Name, Media: f.Media})
	}
}

func (s *Server) collectionPage(class *base.Class, collection base.Ref, q listQuery, page listPage) collectionPage {
	shownPage := collectionPage{Title: words(class.Plural), Comment: class.Comment, Next: page.next, Path: string(collection), Search: q.text}
	for _, r := range page.items {
		head := r.Common()
		note := head.Reason
		if description, _ := r.Labels(); note == "" {
			note = description
		}
		shownPage.Rows = append(shownPage.Rows, memberRow{
			Name: head.Ref.Name(), Href: string(head.Ref), Phase: string(head.Phase),
			UpdatedAt: moment(head.UpdatedAt.String()), Note: note,
		})
	}
	return shownPage
}

// eventPage shows an event: what it is about, who caused it, what it carries.
func (s *Server) eventPage(e *domain.Event) resourcePage {
	kind := schema.Model.Kind(string(e.Payload.Kind()))
	eventType := string(e.Payload.Type())
	page := resourcePage{
		Name: words(eventType), Kind: "event " + e.Position.String(), KindHref: ontologyHref(base.Ontology + eventType), Ref: e.Position.Ref(),
	}
	t := tree{product: e.Subject.Product()}
	add := func(label string, v shown) {
		if v.Text != "" {
			page.Declared = append(page.Declared, field{Label: label, Value: v})
		}
	}
	add("about", tree{}.ref(string(e.Subject)))
	add("when", moment(e.Time.String()))
	add("by", tree{}.ref(string(e.Actor)))
	add("deployment", shown{Text: e.Deployment})
	add("correlation", shown{Text: e.Correlation, Href: "/events?after=0&follow=false&correlation=" + e.Correlation})
	add("causation", shown{Text: e.Causation})
	if e.Previous != 0 {
		add("before it", shown{Text: "event " + e.Previous.String(), Href: string(e.Previous.Ref())})
	}
	encoder := base.Encoder{Source: s.source}
	codec.AppendEvent(&encoder, e)
	if v, fault := base.ReadJSON(encoder.Buffer, base.Limits{Bytes: len(encoder.Buffer) + 1}); fault == nil && v.Get("data") != nil {
		page.Status = t.fields(kind, v.Get("data"), "")
	}
	return page
}

// happening is one event of the resource's history.
type happening struct {
	Position    base.Position
	Href, Type  string
	Time, Actor shown
	Changed     string
}
