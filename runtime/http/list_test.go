package http_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// names are the names of a list's items.
func (c *cluster) names(a answer) (names []string, next string) {
	c.t.Helper()
	list := c.json(a)
	for _, item := range list["items"].([]any) {
		names = append(names, item.(map[string]any)["name"].(string))
	}
	next, _ = list["next"].(string)
	return names, strings.TrimPrefix(next, "https://picloud.local")
}

// many is a cluster with a product of n volumes, v000 to the last.
func many(t *testing.T, n int) *cluster {
	t.Helper()
	c := start(t, t.TempDir())
	var body strings.Builder
	body.WriteString(`{"resources":[{"kind":"product","iri":"/products/shop","version":"1.0.0"}`)
	for i := range n {
		fmt.Fprintf(&body, `,{"kind":"volume","iri":"https://picloud.local/products/shop/volumes/v%03d","size":1073741824,"description":"Number %d","tags":{"even":"%t"}}`, i, i, i%2 == 0)
	}
	body.WriteString(`]}`)
	c.want(200, c.do("POST", "/apply", body.String()))
	return c
}

func TestAListIsReadPageByPageToItsEnd(t *testing.T) {
	c := many(t, 25)
	var all []string
	pages := 0
	for path := "/products/shop/volumes?limit=10"; path != ""; pages++ {
		page := c.want(200, c.do("GET", path, ""))
		names, next := c.names(page)
		if link := page.Header.Values("Link"); next != "" && !slices.Contains(link, "<https://picloud.local"+next+`>; rel="next"`) {
			t.Errorf("Link is %q, next is %s", link, next)
		}
		all = append(all, names...)
		path = next
	}
	if pages != 3 || len(all) != 25 || !slices.IsSorted(all) || len(slices.Compact(all)) != 25 {
		t.Errorf("%d pages: %v", pages, all)
	}
	exact := c.want(200, c.do("GET", "/products/shop/volumes?limit=25", ""))
	if _, next := c.names(exact); next != "" {
		t.Error("the last page names a next one:", next)
	}
	for _, limit := range []string{"0", "1001", "-1", "x", "1e2"} {
		c.want(400, c.do("GET", "/products/shop/volumes?limit="+limit, ""))
	}
}

func TestFiltersGoOnOverPages(t *testing.T) {
	c := many(t, 25)
	for _, test := range []struct {
		query string
		n     int
	}{
		{"tag=even:true", 13}, {"tag=even:none", 0}, {"q=NUMBER%201", 11}, {"q=v00", 10}, {"phase=declared", 25}, {"phase=ready", 0},
		{"deployment=shop", 25}, {"deployment=other", 0}, {"tag=even:true&q=v00", 5},
	} {
		n := 0
		for path := "/products/shop/volumes?limit=4&" + test.query; path != ""; {
			names, next := c.names(c.want(200, c.do("GET", path, "")))
			n += len(names)
			path = next
		}
		if n != test.n {
			t.Errorf("%s: %d items, want %d", test.query, n, test.n)
		}
	}
	c.want(400, c.do("GET", "/products/shop/volumes?tag=even", ""))
}

func TestAListInTurtleIsAContainer(t *testing.T) {
	c := many(t, 3)
	got := c.want(200, c.do("GET", "/products/shop/volumes?limit=2", "", "Accept: text/turtle"))
	for _, want := range []string{"ldp:BasicContainer", "ldp:contains", "volumes/v000", "volumes/v001"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s in\n%s", want, got.body)
		}
	}
	if strings.Contains(got.body, "v002") {
		t.Error("the page holds what is on the next one")
	}
	links := strings.Join(got.Header.Values("Link"), ", ")
	for _, want := range []string{`<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`, `rel="next"`, `<https://picloud.local/ontology#Volume>; rel="describedby"`, `rel="http://www.w3.org/ns/ldp#constrainedBy"`} {
		if !strings.Contains(links, want) {
			t.Errorf("no %s in Link: %s", want, links)
		}
	}
	if c.want(200, c.do("GET", "/products/shop/volumes", "", "Accept: text/html")).body == "" {
		t.Error("no page")
	}
}

func TestAListWithoutItsProductIsNotFound(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(404, c.do("GET", "/products/none/volumes", ""))
	names, _ := c.names(c.want(200, c.do("GET", "/products", "")))
	if len(names) != 0 {
		t.Error("a new cluster has products:", names)
	}
	c.want(404, c.do("GET", "/nonsense", ""))
	if names, _ := c.names(c.want(200, c.do("GET", "/products?after="+url.QueryEscape("\x00/../x"), ""))); len(names) != 0 {
		t.Error("after nonsense comes", names)
	}
}

func TestListOfAPhaseThatDoesNotExistIsRefused(t *testing.T) {
	c := photoApp(t)
	if got := c.want(400, c.do("GET", "/products/photo-app/volumes?phase=Bogus", "")); !strings.Contains(got.body, "no phase") {
		t.Error(got.body)
	}
}
