package http

import "github.com/picloud/picloud/gen/base"

// findingsPage shows what reasoning found in a dataset.
type findingsPage struct {
	findings
	Ref base.Ref
}

func (t store) findingsPage(f findings) findingsPage { return findingsPage{f, t.ref} }

func (p findingsPage) describe(d *pageData) {
	d.Title, d.Position = "What reasoning found", p.Position
	for _, f := range resourceFormats[:4] {
		d.Alternates = append(d.Alternates, link{Text: f.title(), Href: string(p.Ref) + "/findings?format=" + f.Name, Media: f.Media})
	}
}
