package http

import (
	"regexp"
	"strings"

	"github.com/picloud/picloud/generated/schema"
)

// ontologyPage shows a vocabulary as its source, each term at its anchor, so
// that the IRI of a term leads a person to the lines that define it.
type ontologyPage struct {
	Title, Path string
	Slices      []ontologySlice
	Lines       []ontologyLine
}

// ontologySlice lists the kinds of one part of the platform.
type ontologySlice struct {
	Name  string
	Kinds []ontologyKind
}

type ontologyKind struct{ Word, Href, Comment string }

// ontologyLine is one line of the source, in parts that may be links.
type ontologyLine struct {
	ID      string
	Comment bool
	Parts   []link
}

func (p ontologyPage) describe(d *pageData) {
	d.Title = p.Title
	for _, f := range []Format{Turtle, JSONLD, NTriples} {
		d.Alternates = append(d.Alternates, link{Text: f.title(), Href: p.Path + "?format=" + f.Name, Media: f.Media})
	}
}

func newOntologyPage(path, source string) ontologyPage {
	page := ontologyPage{Title: "The ontology", Path: path}
	switch path {
	case "/ontology":
		page.Slices = kindsBySlice()
	case "/ontology/meta":
		page.Title = "The language of the ontology"
	case "/ontology/shapes":
		page.Title = "The shapes of documents"
	}
	own := "pc:"
	if path == "/ontology/meta" {
		own = "pm:"
	}
	defined, placed := definitions(source), map[string]bool{}
	for text := range strings.Lines(source) {
		text = strings.TrimRight(text, "\n")
		line := ontologyLine{Comment: strings.HasPrefix(strings.TrimSpace(text), "#")}
		if name, _, ok := strings.Cut(text, " "); ok && defined[name] && strings.HasPrefix(name, own) && !placed[name] {
			line.ID, placed[name] = name[3:], true
		}
		line.Parts = linked(text, own, defined)
		page.Lines = append(page.Lines, line)
	}
	return page
}

func kindsBySlice() (slices []ontologySlice) {
	for _, class := range schema.Model.Classes {
		if !class.Kind {
			continue
		}
		kind := ontologyKind{class.Word, ontologyHref(class.IRI), class.Comment}
		if n := len(slices); n > 0 && slices[n-1].Name == class.Slice {
			slices[n-1].Kinds = append(slices[n-1].Kinds, kind)
		} else {
			slices = append(slices, ontologySlice{class.Slice, []ontologyKind{kind}})
		}
	}
	return slices
}

// definitions are the names that begin a line: those that the source defines.
func definitions(source string) map[string]bool {
	defined := map[string]bool{}
	for text := range strings.Lines(source) {
		if name, _, ok := strings.Cut(strings.TrimRight(text, "\n"), " "); ok && (strings.HasPrefix(name, "pc:") || strings.HasPrefix(name, "pm:")) {
			defined[name] = true
		}
	}
	return defined
}

var ownName = regexp.MustCompile(`\bp[cm]:[A-Za-z][A-Za-z0-9_-]*`)

// linked parts a line at the names that are defined in the source. Those of
// the language have their anchors on its own page: words may be equal.
func linked(text, own string, defined map[string]bool) (parts []link) {
	at := 0
	for _, span := range ownName.FindAllStringIndex(text, -1) {
		name := text[span[0]:span[1]]
		if !defined[name] {
			continue
		}
		href := "#" + name[3:]
		if !strings.HasPrefix(name, own) {
			href = "/ontology/meta" + href
		}
		parts = append(parts, link{Text: text[at:span[0]]}, link{Text: name, Href: href})
		at = span[1]
	}
	return append(parts, link{Text: text[at:]})
}
