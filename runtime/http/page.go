package http

import (
	"bytes"
	"crypto/rand"
	"embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

//go:embed pages/*.html
var pageFiles embed.FS

// pages are the templates for people, one per sort of page, each within the
// same layout. A page stands alone: one request, no script, nothing fetched.
var pages = parsePages("resource", "collection", "problem", "query")

func parsePages(names ...string) map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
	}
	return parsed
}

// pageData is what the layout shows around the body.
type pageData struct {
	Title, Domain, Nonce string
	Crumbs, Alternates   []link
	Position             base.Position
	Body                 any
}

type link struct{ Text, Href, Media string }

// page answers with a page for people. Scripts are forbidden to it, so that
// nothing a product supplied can act in the cluster's name.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, body any) {
	nonce := rand.Text()
	data := pageData{
		Title: r.URL.Path, Domain: s.domain, Nonce: nonce, Crumbs: crumbs(r.URL.Path), Body: body,
	}
	if p, ok := body.(pageBody); ok {
		p.describe(&data)
	}
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout", data); err != nil {
		s.log.Error("page failed", "page", name, "request", requestID(r), "error", err)
		http.Error(w, "The page could not be made; the log of the node says why (request "+requestID(r)+").", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+nonce+"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes())
	}
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
		steps = append(steps, link{Text: step, Href: href})
	}
	return steps
}
