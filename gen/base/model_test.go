package base_test

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
)

const pc = base.Ontology

// testModel is a small description with every form and type of field.
func testModel() *base.Model {
	field := func(class, name string, form base.Form, typ base.Type, change func(*base.Field)) *base.Field {
		f := &base.Field{Name: name, IRI: pc + name, Shape: pc + class + "-" + name, Form: form, Type: typ}
		if change != nil {
			change(f)
		}
		return f
	}
	object := func(class, key, value string) func(*base.Field) {
		return func(f *base.Field) { f.Object, f.Key, f.Value = class, key, value }
	}
	to := func(class string) func(*base.Field) { return func(f *base.Field) { f.Target = class } }
	observed := func(f *base.Field) { f.Observed = true }
	common := []*base.Field{
		field("Resource", "description", base.Single, base.TypeString, nil),
		field("Resource", "tags", base.Map, base.TypeObject, object("Tag", "key", "value")),
		field("Resource", "phase", base.Single, base.TypeEnum, func(f *base.Field) { f.Enum, f.Observed = "Phase", true }),
		field("Resource", "revision", base.Single, base.TypeInteger, observed),
	}
	kind := func(name, word, segment string, inCluster, inProduct bool, fields ...*base.Field) *base.Class {
		return &base.Class{Name: name, IRI: pc + name, Label: word, Kind: true, Word: word, Plural: segment, Segment: segment,
			InCluster: inCluster, InProduct: inProduct, Kinds: []string{name}, Fields: append(slices.Clone(common), fields...)}
	}
	value := func(name string, fields ...*base.Field) *base.Class {
		return &base.Class{Name: name, IRI: pc + name, Fields: fields}
	}
	classes := []*base.Class{
		{Name: "Cluster", IRI: pc + "Cluster", Label: "cluster", Kind: true, Word: "cluster", Singleton: true, Kinds: []string{"Cluster"},
			Fields: []*base.Field{field("Cluster", "domain", base.Single, base.TypeString, nil)}},
		kind("Node", "node", "nodes", true, false),
		kind("Product", "product", "products", true, false, field("Product", "version", base.Single, base.TypeString, nil)),
		kind("Role", "role", "roles", true, true, field("Role", "inherits", base.Set, base.TypeRef, to("Role"))),
		kind("Secret", "secret", "secrets", true, true, field("Secret", "secretValue", base.Single, base.TypeString, func(f *base.Field) { f.Name, f.Sensitive = "value", true })),
		kind("Volume", "volume", "volumes", false, true, field("Volume", "size", base.Single, base.TypeInteger, func(f *base.Field) { f.Syntax = base.ByteSyntax })),
		{Name: "Workload", IRI: pc + "Workload", Label: "workload", Abstract: true, UniqueName: true, Kinds: []string{"Container", "Binary"}},
		kind("Binary", "binary", "binaries", false, true),
		kind("Container", "container", "containers", false, true,
			field("Container", "image", base.Single, base.TypeString, nil),
			field("Container", "args", base.List, base.TypeString, nil),
			field("Container", "env", base.Map, base.TypeObject, object("EnvVar", "key", "")),
			field("Container", "mounts", base.Map, base.TypeObject, object("Mount", "volume", "")),
			field("Container", "probe", base.Single, base.TypeObject, object("Probe", "", "")),
			field("Container", "replicas", base.Single, base.TypeInteger, nil),
			field("Container", "restart", base.Single, base.TypeEnum, func(f *base.Field) { f.Enum = "Restart" }),
			field("Container", "roles", base.Set, base.TypeRef, to("Role")),
			field("Container", "instances", base.Map, base.TypeObject, func(f *base.Field) { f.Object, f.Key, f.Observed = "Tag", "key", true }),
			field("Container", "load", base.Single, base.TypeDouble, nil),
			field("Container", "since", base.Single, base.TypeDateTime, nil),
			field("Container", "ports", base.Set, base.TypeInteger, nil)),
		kind("Ingress", "ingress", "ingresses", false, true, field("Ingress", "target", base.Single, base.TypeRef, to("Workload"))),
		value("Tag", field("Tag", "key", base.Single, base.TypeString, nil), field("Tag", "value", base.Single, base.TypeString, nil)),
		value("EnvVar", field("EnvVar", "key", base.Single, base.TypeString, nil), field("EnvVar", "value", base.Single, base.TypeString, nil),
			field("EnvVar", "secret", base.Single, base.TypeRef, to("Secret"))),
		value("Mount", field("Mount", "volume", base.Single, base.TypeRef, to("Volume")), field("Mount", "path", base.Single, base.TypeString, nil),
			field("Mount", "readOnly", base.Single, base.TypeBoolean, nil)),
		value("Probe", field("Probe", "http", base.Single, base.TypeString, nil), field("Probe", "tags", base.Map, base.TypeObject, object("Tag", "key", "value"))),
	}
	enums := []*base.Enum{
		{Name: "Phase", Tokens: []base.Token{{Token: "ready", IRI: pc + "Ready"}}},
		{Name: "Restart", Tokens: []base.Token{{Token: "always", IRI: pc + "RestartAlways"}, {Token: "on-failure", IRI: pc + "RestartOnFailure"}}},
	}
	return base.NewModel(classes, enums, nil)
}
