package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// Meta is what an answer says beside the resource.
type Meta struct {
	Status   int           // of HTTP: 201 for a new resource, 200, 202 or 204
	Position base.Position // of the log, as the answering node saw it
	Revision base.Position // of the resource, for IfRevision; 0 without one
	ETag     string
	// Replayed is set when the answer is that of an earlier request with the
	// same idempotency key.
	Replayed bool
}

// Patch is a merge patch (RFC 7396): members to set, nil for members to remove.
type Patch map[string]any

// Option is a wish about one request.
type Option func(*Request)

// IfRevision makes a write fail with the code stale unless the declaration is
// still of this revision.
func IfRevision(revision base.Position) Option {
	return func(r *Request) { r.IfMatch = `"` + revision.String() + `"` }
}

// IfAbsent makes a write fail with the code stale if the resource exists.
func IfAbsent() Option { return func(r *Request) { r.IfNoneMatch = "*" } }

// At makes a read wait until the node has seen a position.
func At(position base.Position) Option { return func(r *Request) { r.At = position } }

// WithKey gives a write an idempotency key of the caller's own, so that it can
// be repeated by another process.
func WithKey(key string) Option { return func(r *Request) { r.Key = key } }

// DeletingData lets a deletion take along resources that hold data, where they
// belong to what is deleted.
func DeletingData() Option { return func(r *Request) { r.set("delete-data", "true") } }

func (r *Request) set(name, value string) {
	if r.Query == nil {
		r.Query = url.Values{}
	}
	r.Query.Set(name, value)
}

// ListOptions choose the members of a list; empty fields choose all.
type ListOptions struct {
	Phase      domain.Phase
	Tag        string // "key:value"
	Deployment string
	Text       string // part of the name or description
	PageSize   int    // resources in one answer; 0 = as the server likes, at most 1000
}

func (o ListOptions) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"phase": string(o.Phase), "tag": o.Tag, "deployment": o.Deployment, "q": o.Text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if o.PageSize > 0 {
		query.Set("limit", strconv.Itoa(o.PageSize))
	}
	return query
}

// ofCluster and ofProduct are the collections of a kind, one is a member of
// them. Whatever a name holds stays within its segment of the path.
func ofCluster(segment string) base.Ref { return base.Ref("/" + segment) }

func ofProduct(product, segment string) base.Ref {
	return one("/products", product) + base.Ref("/"+segment)
}

func one(collection base.Ref, name string) base.Ref {
	return collection + base.Ref("/"+url.PathEscape(name))
}

// typed sends a request and reads the resource that answers it. The answer to
// a write that asked for none is nil.
func typed[R domain.Resource](ctx context.Context, c *Client, request Request, options []Option) (resource R, meta Meta, err error) {
	request.Accept = "application/json"
	answer, meta, err := c.ask(ctx, request, options)
	if err != nil || len(answer.Body) == 0 {
		return resource, meta, err
	}
	v, failed := base.ReadJSON(answer.Body, base.Limits{Bytes: maxAnswer})
	if failed != nil {
		return resource, meta, &base.Error{Code: base.Internal, Detail: "the answer is no JSON: " + failed.Detail}
	}
	resource, err = read[R](c.root, v)
	return resource, meta, err
}

// ask sends a request with its options.
func (c *Client) ask(ctx context.Context, request Request, options []Option) (*Answer, Meta, error) {
	for _, option := range options {
		option(&request)
	}
	answer, err := c.Do(ctx, request)
	if err != nil {
		return nil, Meta{}, err
	}
	return answer, Meta{
		Status: answer.Status, Position: answer.Position, Revision: answer.Revision(),
		ETag: answer.Header.Get("ETag"), Replayed: answer.Header.Get("Picloud-Replayed") == "true",
	}, nil
}

func get[R domain.Resource](ctx context.Context, c *Client, ref base.Ref, options []Option) (R, Meta, error) {
	return typed[R](ctx, c, Request{Method: http.MethodGet, Path: string(ref)}, options)
}

func put[R domain.Resource](ctx context.Context, c *Client, command domain.Command, options []Option) (R, Meta, error) {
	return typed[R](ctx, c, Request{
		Method: http.MethodPut, Path: string(command.Subject()), ContentType: "application/json", Body: c.body(command),
	}, options)
}

// body is the body of the request that asks for a command, nil without one.
func (c *Client) body(command domain.Command) []byte {
	e := base.Encoder{Root: c.root, Request: true}
	codec.AppendRequest(&e, command)
	return e.Buffer
}

func change[R domain.Resource](ctx context.Context, c *Client, ref base.Ref, patch Patch, options []Option) (resource R, meta Meta, err error) {
	body, err := json.Marshal(patch)
	if err != nil {
		return resource, meta, &base.Error{Code: base.Invalid, Ref: ref, Detail: "the patch cannot be written as JSON: " + err.Error()}
	}
	return typed[R](ctx, c, Request{Method: http.MethodPatch, Path: string(ref), ContentType: "application/merge-patch+json", Body: body}, options)
}

func (c *Client) remove(ctx context.Context, ref base.Ref, options []Option) (Meta, error) {
	_, meta, err := c.ask(ctx, Request{Method: http.MethodDelete, Path: string(ref)}, options)
	return meta, err
}

func (c *Client) operate(ctx context.Context, command domain.Command, operation string, options []Option) (Meta, error) {
	request := Request{Method: http.MethodPost, Path: string(command.Subject()) + "/" + operation}
	if request.Path[:2] == "//" { // of the cluster itself
		request.Path = request.Path[1:]
	}
	if request.Body = c.body(command); request.Body != nil {
		request.ContentType = "application/json"
	}
	_, meta, err := c.ask(ctx, request, options)
	return meta, err
}

// list yields the members of a collection over all its pages. An error is the
// last thing yielded.
func list[R domain.Resource](ctx context.Context, c *Client, at base.Ref, o ListOptions) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		query := o.query()
		for {
			answer, err := c.Do(ctx, Request{Method: http.MethodGet, Path: string(at), Query: query, Accept: "application/json"})
			if err != nil {
				yield(none, err)
				return
			}
			page, failed := base.ReadJSON(answer.Body, base.Limits{Bytes: maxAnswer})
			if failed != nil {
				yield(none, &base.Error{Code: base.Internal, Detail: "the answer is no JSON: " + failed.Detail})
				return
			}
			if items := page.Get("items"); items != nil {
				for _, item := range items.Items {
					resource, err := read[R](c.root, item)
					if !yield(resource, err) || err != nil {
						return
					}
				}
			}
			next := page.Get("next")
			if next == nil {
				return
			}
			// only the query of the next page's address is used: the token
			// never leaves for another place
			address, err := url.Parse(next.Text)
			if err != nil || address.Query().Get("after") == query.Get("after") {
				yield(none, &base.Error{Code: base.Internal, Detail: fmt.Sprintf("%q leads to no next page", next.Text)})
				return
			}
			query = address.Query()
		}
	}
}

// Apply sends a whole deployment. The body is JSON, Turtle or JSON-LD as the
// content type says; the query says how (deployment, prune, take-over,
// delete-data, dry-run). The answer is a plan: what is or would be done.
func (c *Client) Apply(ctx context.Context, contentType string, body []byte, query url.Values, options ...Option) (*Answer, Meta, error) {
	return c.ask(ctx, Request{
		Method: http.MethodPost, Path: "/apply", Query: query, ContentType: contentType, Body: body, Accept: "application/json",
	}, options)
}

// Query asks the graph in SPARQL 1.1, that of one product or, with "", all that
// the caller may read. The answer is in the media type asked for.
func (c *Client) Query(ctx context.Context, product, query, accept string, options ...Option) (*Answer, Meta, error) {
	path := "/sparql"
	if product != "" {
		path = "/products/" + url.PathEscape(product) + "/sparql"
	}
	return c.ask(ctx, Request{
		Method: http.MethodPost, Path: path, Accept: accept, ContentType: "application/sparql-query", Body: []byte(query),
	}, options)
}
