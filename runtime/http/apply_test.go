package http_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func resources(list ...string) string { return `{"resources":[` + strings.Join(list, ",") + `]}` }

const (
	shopProduct = `{"kind":"product","iri":"/products/shop","version":"1.0.0"}`
	shopVolume  = `{"kind":"volume","iri":"/products/shop/volumes/media","size":1073741824}`
	shopConfig  = `{"kind":"config","iri":"/products/shop/config/settings","entries":{"a":{"value":"1"}}}`
)

// actions are what a plan does, by path.
func (c *cluster) actions(a answer) map[string]string {
	c.t.Helper()
	actions := map[string]string{}
	for _, step := range c.json(a)["changes"].([]any) {
		step := step.(map[string]any)
		actions[strings.TrimPrefix(step["iri"].(string), "https://picloud.local")] = step["action"].(string)
	}
	return actions
}

func TestADryRunPlansAndThePlanIsWhatHappens(t *testing.T) {
	c := start(t, t.TempDir())
	position := c.position()
	body := resources(shopProduct, shopVolume)
	plan := c.want(200, c.do("POST", "/apply?dry-run=true", body))
	if c.position() != position {
		t.Fatal("a dry run wrote events")
	}
	if got := c.actions(plan); got["/products/shop"] != "create" || got["/products/shop/volumes/media"] != "create" {
		t.Error("planned:", got)
	}
	tag := plan.Header.Get("ETag")
	c.want(200, c.do("POST", "/apply", body, "If-Match: "+tag))
	c.want(200, c.do("GET", "/products/shop/volumes/media", ""))

	body = resources(shopProduct, strings.Replace(shopVolume, "1073741824", "2147483648", 1))
	plan = c.want(200, c.do("POST", "/apply?dry-run=true", body))
	changed := fmt.Sprint(c.json(plan)["changes"])
	if !strings.Contains(changed, "/size") || !strings.Contains(changed, "1.073741824e+09") || !strings.Contains(changed, "2.147483648e+09") {
		t.Error("the plan does not say what changes from what to what:", changed)
	}
	c.want(200, c.do("PATCH", "/products/shop/volumes/media", `{"description":"came between"}`, mergePatch))
	stale := c.want(412, c.do("POST", "/apply", body, "If-Match: "+plan.Header.Get("ETag")))
	if !strings.Contains(stale.body, "plan again") {
		t.Error("a stale plan:", stale.body)
	}
	c.want(400, c.do("POST", "/apply", body, `If-Match: "zz"`))
}

func TestWhoWantsNoPlanGetsNone(t *testing.T) {
	c := start(t, t.TempDir())
	body := resources(shopProduct, shopVolume)
	plan := c.want(200, c.do("POST", "/apply?dry-run=true", body, "Prefer: return=minimal"))
	if len(c.actions(plan)) != 2 {
		t.Error("a dry run has nothing to say but its plan:", plan.body)
	}
	done := c.want(200, c.do("POST", "/apply", body, "Prefer: return=minimal", "If-Match: "+plan.Header.Get("ETag")))
	if done.body != "" || done.Header.Get("Preference-Applied") != "return=minimal" || done.Header.Get("Picloud-Position") == "" {
		t.Error("answered:", done.Header, done.body)
	}
	c.want(200, c.do("GET", "/products/shop/volumes/media", ""))
	c.want(412, c.do("POST", "/apply", body, "Prefer: return=minimal", "If-Match: "+plan.Header.Get("ETag")))
}

func TestPruneDeletesWhatTheDeploymentNoLongerLists(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(200, c.do("POST", "/apply", resources(shopProduct, shopVolume, shopConfig)))
	c.want(201, c.do("PUT", "/products/shop/config/by-hand", `{"entries":{"a":{"value":"1"}}}`))
	c.want(200, c.do("POST", "/apply", resources(shopProduct)))
	c.want(200, c.do("GET", "/products/shop/config/settings", ""))
	refused := c.want(409, c.do("POST", "/apply?prune=true", resources(shopProduct)))
	if !strings.Contains(refused.body, "volumes/media") || !strings.Contains(refused.body, "delete-data=true") {
		t.Error("pruning data:", refused.body)
	}
	c.want(200, c.do("POST", "/apply?prune=true", resources(shopProduct, shopVolume)))
	c.want(404, c.do("GET", "/products/shop/config/settings", ""))
	c.want(200, c.do("GET", "/products/shop/config/by-hand", ""))
	c.want(200, c.do("POST", "/apply?prune=true&delete-data=true", resources(shopProduct)))
	c.want(404, c.do("GET", "/products/shop/volumes/media", ""))
}

func TestAnotherDeploymentsResourceIsTakenOverOnlyOnPurpose(t *testing.T) {
	c := start(t, t.TempDir())
	c.want(200, c.do("POST", "/apply?deployment=one", resources(shopProduct, shopConfig)))
	refused := c.want(409, c.do("POST", "/apply?deployment=two", resources(shopConfig)))
	if !strings.Contains(refused.body, `deployment \"one\"`) || !strings.Contains(refused.body, "take-over=true") {
		t.Error("taking over:", refused.body)
	}
	c.want(200, c.do("POST", "/apply?deployment=two&take-over=true", resources(shopConfig)))
	status := c.json(c.do("GET", "/products/shop/config/settings", ""))["status"].(map[string]any)
	if status["deployment"] != "two" {
		t.Error("the deployment is", status["deployment"])
	}
}

func TestADeploymentIsAppliedWholeOrNotAtAll(t *testing.T) {
	c := start(t, t.TempDir())
	position := c.position()
	for name, test := range map[string]struct{ body, want string }{
		"twice":             {resources(shopProduct, shopVolume, shopVolume), "declared twice"},
		"missing reference": {resources(shopProduct, `{"kind":"container","iri":"/products/shop/containers/web","image":"web:1","mounts":{"medai":{"path":"/data"}}}`, shopVolume), `did you mean \"media\"?`},
		"missing product":   {resources(strings.ReplaceAll(shopVolume, "shop", "none")) + "", "there is no product"},
		"unknown kind":      {resources(`{"kind":"volum","iri":"/products/shop/volumes/media"}`), `there is no kind \"volum\"`},
		"wrong place":       {resources(`{"kind":"volume","iri":"/volumes/media"}`), "a volume belongs to a product"},
		"another kind":      {resources(`{"kind":"config","iri":"/products/shop/volumes/media"}`), "is the address of a volume, not of a config"},
		"no address":        {resources(`{"size":1}`), "kind and iri are needed"},
		"foreign":           {resources(`{"kind":"volume","iri":"https://elsewhere.example/products/shop/volumes/media"}`), "is no address of a resource"},
		"bad name":          {resources(shopProduct, `{"kind":"volume","iri":"/products/shop/volumes/..","size":1073741824}`), "is not a name; expected lower-case letters"},
		"a node":            {resources(shopProduct, `{"kind":"node","iri":"/nodes/x"}`), "the platform makes it"},
		"two mistakes":      {resources(shopProduct, `{"kind":"volume","iri":"/products/shop/volumes/a","size":5}`, `{"kind":"volume","iri":"/products/shop/volumes/b"}`), "/resources/2/size"},
		"not a list":        {`{"resources":{}}`, "a deployment is"},
		"more than one":     {resources(shopProduct) + "x", `"line":1,"column":76`},
	} {
		refused := c.do("POST", "/apply?deployment=x", test.body)
		if refused.StatusCode != 422 && refused.StatusCode != 400 || !strings.Contains(refused.body, test.want) {
			t.Errorf("%s: %d %s", name, refused.StatusCode, refused.body)
		}
	}
	both := c.want(422, c.do("POST", "/apply?deployment=x", resources(shopProduct, `{"kind":"volume","iri":"/products/shop/volumes/a","size":5}`, `{"kind":"volume","iri":"/products/shop/volumes/b"}`)))
	if !strings.Contains(both.body, "/resources/1/size") {
		t.Error("only the last mistake is told:", both.body)
	}
	unnamed := c.want(422, c.do("POST", "/apply", resources(`{"kind":"role","iri":"/roles/x","permissions":{"a":{"resource":"*","action":"read"}}}`)))
	if !strings.Contains(unnamed.body, "?deployment=") {
		t.Error("a deployment without a name:", unnamed.body)
	}
	if c.position() != position {
		t.Errorf("refused deployments moved the log from %d to %d", position, c.position())
	}
}

func TestADeploymentHasBounds(t *testing.T) {
	c := start(t, t.TempDir())
	position := c.position()
	list := make([]string, 5001)
	for i := range list {
		list[i] = fmt.Sprintf(`{"kind":"config","iri":"/products/shop/config/c%d","entries":{"a":{"value":"1"}}}`, i)
	}
	list[0] = shopProduct
	refused := c.want(413, c.do("POST", "/apply", resources(list...)))
	if !strings.Contains(refused.body, "5000") {
		t.Error("5,001 resources:", refused.body)
	}
	c.want(413, c.do("POST", "/apply", strings.Repeat(" ", 17<<20)))
	// the same without saying before how much it will be
	r, _ := http.NewRequestWithContext(t.Context(), "POST", "https://picloud.local/apply", io.LimitReader(zeros{}, 100<<20))
	r.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
	r.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 413 || c.position() != position {
		t.Errorf("100 MB: %d, log %d → %d", response.StatusCode, position, c.position())
	}
	c.want(413, c.do("POST", "/apply", "["+strings.Repeat("0,", 1<<20)+"0]"))
	many := c.want(413, c.do("POST", "/apply", "<> a <b>"+strings.Repeat(",<b>", 600_000)+" .", turtle))
	if !strings.Contains(many.body, "statements") {
		t.Error("millions of triples:", many.body)
	}
	if got := c.json(c.want(200, c.do("POST", "/apply", resources(list[:5000]...)))); got["events"] != 5000.0 {
		t.Error("5,000 resources:", got["events"])
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }
