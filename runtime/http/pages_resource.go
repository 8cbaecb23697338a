package http

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// resourcePage shows a resource, its triples, its history and what lies below.
type resourcePage struct {
	Name, Kind, KindHref, Comment string
	Phase, Reason                 string
	Ref                           base.Ref
	Groups                        []group
	Below                         []below
	History                       []happening
	OlderHistory                  bool

	position base.Position
}

// group is the resource itself or one of its nested objects.
type group struct {
	Title, ID string
	Rows      []row
}

type row struct {
	Label, Property, Comment string
	Values                   []shown
}

// below is one collection of the resource.
type below struct {
	Label, Href string
	Links       []link
	More        int
}

// happening is one event of the resource's history.
type happening struct {
	Position                                    base.Position
	Href, Type, Time, Actor, ActorHref, Changed string
}

func (p resourcePage) describe(d *pageData) {
	d.Title, d.Position = p.Name, p.position
	path := string(p.Ref)
	for _, f := range resourceFormats[:4] {
		d.Alternates = append(d.Alternates, link{Text: f.Name, Href: path + "?format=" + f.Name, Media: f.Media})
	}
}

func (s *Server) resourcePage(view projection.View, entry state.Entry) resourcePage {
	r := entry.Resource
	head := r.Common()
	class := schema.Model.Kind(string(r.Kind()))
	page := resourcePage{
		Name: head.Ref.Name(), Kind: class.Word, KindHref: ontologyHref(class.IRI), Comment: class.Comment,
		Phase: string(head.Phase), Reason: head.Reason, Ref: head.Ref, position: view.Position,
	}
	if page.Name == "" {
		page.Name = s.domain
	}
	page.Groups = s.groups(r, class)
	page.Below = s.below(view, head.Ref, class)
	page.History, page.OlderHistory = s.history(head.Last)
	return page
}

// groups sorts the triples of a resource by subject: itself first, then its
// fragments in their order.
func (s *Server) groups(r domain.Resource, class *base.Class) (groups []group) {
	w := base.QuadWriter{Root: s.root}
	quads.Append(&w, r)
	self := r.Common().Ref.Absolute(s.root)
	place := map[base.Term]int{}
	for _, q := range w.Quads {
		i, known := place[q.S]
		if !known {
			i = len(groups)
			place[q.S] = i
			fragment := strings.TrimPrefix(strings.TrimPrefix(q.S.Value, self), "#")
			title, _ := url.PathUnescape(fragment)
			groups = append(groups, group{Title: title, ID: fragment})
		}
		if q.P.Value == base.RDFType {
			continue
		}
		groups[i].Rows = s.appendRow(groups[i].Rows, q)
	}
	return groups
}

func (s *Server) appendRow(rows []row, q base.Quad) []row {
	label, comment, syntaxOf := q.P.Value[strings.LastIndexAny(q.P.Value, "#/")+1:], "", base.PlainSyntax
	if f := s.fields[q.P.Value]; f != nil {
		label, comment, syntaxOf = f.Name, f.Comment, f.Syntax
	}
	value := s.show(q.O, syntaxOf)
	if last := len(rows) - 1; last >= 0 && rows[last].Property == propertyHref(q.P.Value) {
		rows[last].Values = append(rows[last].Values, value)
		return rows
	}
	return append(rows, row{Label: label, Property: propertyHref(q.P.Value), Comment: comment, Values: []shown{value}})
}

func propertyHref(iri string) string {
	if href := ontologyHref(iri); href != "" {
		return href
	}
	return iri
}

// belowShown is how many members of a collection a page names.
const belowShown = 12

// below lists the collections under a resource: those of the cluster, or those
// of a product.
func (s *Server) below(view projection.View, ref base.Ref, class *base.Class) (list []below) {
	for _, kind := range schema.Model.Classes {
		prefix := ""
		switch {
		case !kind.Kind || kind.Singleton:
			continue
		case class.Singleton && kind.InCluster:
			prefix = "/" + kind.Segment
		case class.Word == "product" && kind.InProduct:
			prefix = string(ref) + "/" + kind.Segment
		default:
			continue
		}
		b := below{Label: kind.Plural, Href: prefix}
		for entry := range view.State.List(prefix, "") {
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
	return list
}

// collectionPage shows a page of a collection.
type collectionPage struct {
	Title, Comment, Next string
	Rows                 []memberRow
}

type memberRow struct{ Name, Href, Phase, UpdatedAt, Note string }

func (p collectionPage) describe(d *pageData) { d.Title = p.Title }

func (s *Server) collectionPage(class *base.Class, page listPage) collectionPage {
	shownPage := collectionPage{Title: class.Plural, Comment: class.Comment, Next: page.next}
	for _, r := range page.items {
		head := r.Common()
		note := head.Reason
		if description, _ := r.Labels(); note == "" {
			note = description
		}
		shownPage.Rows = append(shownPage.Rows, memberRow{
			Name: head.Ref.Name(), Href: string(head.Ref), Phase: string(head.Phase),
			UpdatedAt: head.UpdatedAt.Std().Format("2006-01-02 15:04:05"), Note: note,
		})
	}
	return shownPage
}

// nextPage is the address of the page that follows.
func (s *Server) nextPage(collection base.Ref, q listQuery, last string) string {
	query := url.Values{"after": {last}}
	for name, value := range map[string]string{"phase": q.phase, "deployment": q.deployment, "q": q.text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.limit != pageDefault {
		query.Set("limit", strconv.Itoa(q.limit))
	}
	if q.tagKey != "" {
		query.Set("tag", q.tagKey+":"+q.tagValue)
	}
	return collection.Absolute(s.root) + "?" + query.Encode()
}
