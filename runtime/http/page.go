package http

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/style.css
var style string

// pagePolicy is the content security policy of pages: our own style, forms to
// this cluster, nothing else. Scripts are forbidden, so that nothing a product
// supplied can act in the cluster's name.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// pages are the templates for people, one per sort of page, each within the
// same layout. A page stands alone: one request, no script, nothing fetched.
var pages = parsePages("resource", "event", "collection", "problem", "query", "ontology", "findings")

func parsePages(names ...string) map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/value.html", "pages/"+name+".html"))
	}
	return parsed
}

// pageData is what the layout shows around the body.
type pageData struct {
	Title, Domain      string
	Style              template.CSS
	Crumbs, Alternates []link
	Position           base.Position
	Body               any
}

type link struct{ Text, Href, Media string }

// page answers with a page for people.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, body any) {
	page, err := s.renderPage(r.URL.Path, name, body)
	if err != nil {
		s.log.Error("page failed", "page", name, "request", requestID(r), "error", err)
		http.Error(w, "The page could not be made; the log of the node says why (request "+requestID(r)+").", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pagePolicy)
	if header.Get("Cache-Control") == "" {
		header.Set("Cache-Control", "private, no-cache")
		header.Add("Vary", "Accept")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(page) // a client that left is no error of ours
	}
}

// renderPage makes the page at a path.
func (s *Server) renderPage(path, name string, body any) ([]byte, error) {
	data := pageData{Title: path, Domain: s.domain, Style: template.CSS(style), Crumbs: crumbs(path), Body: body}
	if p, ok := body.(pageBody); ok {
		p.describe(&data)
	}
	var b bytes.Buffer
	err := pages[name].ExecuteTemplate(&b, "layout", data)
	return b.Bytes(), err
}

// pageBody is a body that knows the title and the other forms of its page.
type pageBody interface{ describe(*pageData) }

// crumbs are the steps of a path, each with its address.
func crumbs(path string) []link {
	var steps []link
	href := ""
	for step := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if step == "" {
			continue
		}
		href += "/" + step
		at := link{Text: step, Href: href}
		if href == "/events" { // the stream goes on for ever, which a browser would wait for
			at.Href += "?after=0&follow=false"
		}
		steps = append(steps, at)
	}
	return steps
}
