package lang_test

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

const pc = base.Ontology

// testModel has one field of each form, type and way of writing.
func testModel() *base.Model {
	field := func(class, name string, form base.Form, typ base.Type, change ...func(*base.Field)) *base.Field {
		f := &base.Field{Name: name, IRI: pc + name, Shape: pc + class + "-" + name, Form: form, Type: typ}
		for _, c := range change {
			c(f)
		}
		return f
	}
	object := func(class, key, value string) func(*base.Field) {
		return func(f *base.Field) { f.Object, f.Key, f.Value = class, key, value }
	}
	to := func(class string) func(*base.Field) { return func(f *base.Field) { f.Target = class } }
	syntax := func(s base.Syntax) func(*base.Field) { return func(f *base.Field) { f.Syntax = s } }
	observed := func(f *base.Field) { f.Observed = true }
	required := func(f *base.Field) { f.Required = true }
	sensitive := func(f *base.Field) { f.Sensitive = true }
	common := []*base.Field{
		field("Resource", "description", base.Single, base.TypeString),
		field("Resource", "tags", base.Map, base.TypeObject, object("Tag", "key", "value")),
	}
	kind := func(name, word, segment string, inCluster, inProduct bool, fields ...*base.Field) *base.Class {
		return &base.Class{Name: name, IRI: pc + name, Label: strings.ReplaceAll(word, "-", " "), Kind: true, Word: word, Plural: segment, Segment: segment,
			InCluster: inCluster, InProduct: inProduct, Kinds: []string{name}, Fields: append(slices.Clone(common), fields...)}
	}
	value := func(name, shorthand string, fields ...*base.Field) *base.Class {
		return &base.Class{Name: name, IRI: pc + name, Label: strings.ToLower(name), Shorthand: shorthand, Fields: fields}
	}
	key := func(class string) *base.Field { return field(class, "key", base.Single, base.TypeString) }
	node := kind("Node", "node", "nodes", true, false)
	node.Origin = base.Reported
	role := value("Permission", "", key("Permission"), field("Permission", "resource", base.Single, base.TypeString), field("Permission", "action", base.Single, base.TypeString))
	role.Separator = ":"
	return base.NewModel([]*base.Class{
		{Name: "Cluster", IRI: pc + "Cluster", Label: "cluster", Kind: true, Word: "cluster", Singleton: true, Kinds: []string{"Cluster"}, Fields: common},
		node,
		kind("Product", "product", "products", true, false, field("Product", "version", base.Single, base.TypeString, required)),
		kind("Role", "role", "roles", true, true, field("Role", "inherits", base.Set, base.TypeRef, to("Role"), func(f *base.Field) { f.Acyclic = true }),
			field("Role", "permissions", base.Map, base.TypeObject, object("Permission", "key", ""))),
		kind("Secret", "secret", "secrets", true, true, field("Secret", "value", base.Single, base.TypeString, sensitive),
			field("Secret", "data", base.Map, base.TypeObject, object("SecretEntry", "key", "value"), sensitive)),
		kind("Volume", "volume", "volumes", false, true, field("Volume", "size", base.Single, base.TypeInteger, syntax(base.ByteSyntax), required),
			field("Volume", "used", base.Single, base.TypeInteger, observed)),
		{Name: "Workload", IRI: pc + "Workload", Label: "workload", Abstract: true, UniqueName: true, Kinds: []string{"Container", "Binary"}},
		kind("Binary", "binary", "binaries", false, true),
		kind("Container", "container", "containers", false, true,
			field("Container", "image", base.Single, base.TypeString, required),
			field("Container", "args", base.List, base.TypeString),
			field("Container", "env", base.Map, base.TypeObject, object("EnvVar", "key", "")),
			field("Container", "mounts", base.Map, base.TypeObject, object("Mount", "volume", "")),
			field("Container", "ports", base.Map, base.TypeObject, object("PortSpec", "key", "")),
			field("Container", "resources", base.Single, base.TypeObject, object("Resources", "", "")),
			field("Container", "timeout", base.Single, base.TypeInteger, syntax(base.SecondsSyntax)),
			field("Container", "replicas", base.Single, base.TypeInteger),
			field("Container", "ratio", base.Single, base.TypeDouble),
			field("Container", "restart", base.Single, base.TypeEnum, func(f *base.Field) { f.Enum = "Restart" }),
			field("Container", "script", base.Single, base.TypeString, func(f *base.Field) { f.Content = true })),
		kind("Ingress", "ingress", "ingresses", false, true, field("Ingress", "target", base.Single, base.TypeRef, to("Workload"))),
		value("Tag", "value", key("Tag"), field("Tag", "value", base.Single, base.TypeString)),
		value("SecretEntry", "value", key("SecretEntry"), field("SecretEntry", "value", base.Single, base.TypeString, sensitive)),
		value("EnvVar", "value", key("EnvVar"), field("EnvVar", "value", base.Single, base.TypeString),
			field("EnvVar", "secret", base.Single, base.TypeRef, to("Secret"), func(f *base.Field) { f.Function = "secret" })),
		value("Mount", "path", field("Mount", "volume", base.Single, base.TypeRef, to("Volume")), field("Mount", "path", base.Single, base.TypeString),
			field("Mount", "readOnly", base.Single, base.TypeBoolean)),
		value("PortSpec", "port", key("PortSpec"), field("PortSpec", "port", base.Single, base.TypeInteger), field("PortSpec", "protocol", base.Single, base.TypeString)),
		value("Resources", "", field("Resources", "cpu", base.Single, base.TypeInteger, syntax(base.CPUSyntax)),
			field("Resources", "memory", base.Single, base.TypeInteger, syntax(base.ByteSyntax))),
		role,
	}, []*base.Enum{{Name: "Restart", Tokens: []base.Token{{Token: "always", IRI: pc + "RestartAlways"}}}}, nil)
}

// check stands for the generated decoders: it knows what is required.
func check(d *base.Decoder, class *base.Class, v *base.Value) {
	for _, f := range class.Fields {
		if f.Required {
			d.Missing(v, f.Name, f.Shape)
		}
	}
}
