package plan

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/model"
)

// Plan is the checked model with every name that output uses. Emitters read
// it and invent no name themselves; they never change it.
type Plan struct {
	Model *model.Model // the facts alone

	Kinds     []*Kind     // by word
	Abstracts []*Abstract // by name; the root class, Resource, first
	Values    []*Value    // by name
	Enums     []*Enum     // by name
	Scalars   []*Scalar   // by name
	Slices    []*Slice    // by name; each groups what one file of the ontology declares
	Phases    []*Token    // the phases of all lifecycles, in the order of the ontology
	Head      []*Field    // the observed fields of Resource: phase, reason, revision, createdAt, …
	Envelope  []*Field    // the fields of Event: position, time, actor, subject, …
	Events    []*Event    // of kinds, by name
	Routes    []*Route    // of all kinds, by path and method
	// DatasetRoutes are the endpoints of the datasets of all kinds, in the same order.
	DatasetRoutes []*Route
	// Terms are the IRIs that quads use, classes first, then properties, then
	// members, each by constant.
	Terms []Term
	// Permissions are all rights that exist, sorted: "volume:write".
	Permissions []string
}

// Slice is one part of the platform: the kinds that one package of the runtime
// looks after.
type Slice struct {
	Name       string // "storage"
	Source     string // "ontology/storage.ttl"
	Kinds      []*Kind
	Values     []*Value // value classes that the slice's file declares
	Enums      []*Enum
	ValuesFile string // "values_storage.go"; value classes and enumerations
}

// Kind is a class whose instances are resources.
type Kind struct {
	*base.Class
	Go       string // type: "Volume"; GoPlural "Volumes" names lists
	GoPlural string
	Const    string // constant of domain.Kind: "KindVolume"
	Term     string // constant of the class IRI in quads: "ClassVolume"
	File     string // "volume.go", the same in every package
	Doc      string // "docs" page: "volume.md"
	Source   string // "ontology/storage.ttl"
	Receiver string // "v"
	Article  string // "a volume", for sentences; A is "A volume"
	A        string
	Var      string // of parameters and imports: "volume"; never a keyword of Go

	Spec   string // type of what clients declare: "VolumeSpec"
	Status string // type of what is observed: "VolumeStatus"

	Declare string // command types: "DeclareVolume"
	Delete  string // "DeleteVolume"
	Observe string // "ObserveVolume"
	End     string // "EndAlert": the platform's, of kinds that clients cannot delete
	// ChangeDataset is "ChangeRDFStoreDataset", "" for kinds without a dataset.
	ChangeDataset string

	// The fields of the class, inherited ones included, in the order in which
	// output shows them. The head (phase, revision, …) is in neither.
	Declared []*Field // of Spec
	Observed []*Field // of Status

	Events     []*Event // in the order of the lifecycle, own events last
	Operations []*Operation
	Reports    []*Operation // of the platform: commands without an address
	Views      []*View
	Routes     []*Route
	// DatasetRoutes are the endpoints of the dataset of a resource. They speak the
	// protocols of SPARQL, so clients for those serve them, not ours.
	DatasetRoutes []*Route
	Columns       []Column // of tables for people
	Schema        string   // file of its JSON Schema: "volume.json"

	// Initial is the phase of a resource that was just declared: Ready for
	// declarative kinds. For reconciled kinds that no slice acts on yet
	// (Class.Reconciler false) it stays there.
	Initial *Token
}

// Abstract is a class that gives fields to the kinds below it.
type Abstract struct {
	*base.Class
	Go     string // "Workload"
	Term   string // "ClassWorkload"
	Kinds  []*Kind
	Fields []*Field
	Events []*EventClass
}

// Value is a class of nested objects.
type Value struct {
	*base.Class
	Go       string // "StorageIntent"
	Term     string // "ClassStorageIntent"
	Slice    string
	Receiver string
	Article  string
	// Key is the field that maps of such objects are keyed by; nil when they
	// stand alone. The Go type leaves it out, as does JSON: both have it as
	// the key of the map.
	Key *Field
	// Scalar is set when every use is a map of one scalar: there is no Go type
	// then, the map holds the values of this field.
	Scalar *Field
	Fields []*Field // without Key
	// Alternatives are sets of fields of which exactly one is present.
	Alternatives [][]*Field
	// References reports whether objects hold declared references, at any depth.
	References bool
	// Sensitive reports whether objects hold sealed values, at any depth.
	Sensitive bool
}

// Field is one field of a kind or value class. How it is kept in Go follows
// from Form, Type and Pointer alone; GoType says the same as text.
type Field struct {
	*base.Field
	Go     string // "StorageIntent"
	GoType string // "map[string]Mount", "*int64", "base.Ref", …
	GoElem string // of one value without pointer: "Mount", "int64", "base.Ref", "VolumeMode"
	GoKey  string // of maps: "string" or "base.Ref"
	Var    string // "storageIntent"; never a keyword of Go
	// Pointer: nil means absent. Without it the zero value does, for optional
	// fields, and there is no absence for required and defaulted ones.
	Pointer bool
	Term    string // constant of the property in quads: "PropStorageIntent"
	// GoDefault is the default as a Go expression of type GoElem ("" = none):
	// `int64(1)` is written 1, tokens by their constant, "true", `"text"`.
	GoDefault string

	Scalar *Scalar // of simple types (also "Iri", whose values are base.Ref)
	Enum   *Enum
	Object *Value
	Target *Target // of references to resources
	Key    *Field  // of maps: in Object
	Value  *Field  // of maps of one scalar: in Object
}

// Target is the class that a reference names.
type Target struct {
	Class *base.Class // kind or abstract
	Kinds []*Kind     // one for a kind
}

// Enum is a closed set of tokens.
type Enum struct {
	*base.Enum
	Go     string // "VolumeMode"
	Term   string
	Slice  string
	Tokens []*Token
}

// Token is one member of an enumeration.
type Token struct {
	base.Token
	Go   string // constant: "VolumeModeMounted"
	Term string // constant of the IRI: "MemberVolumeModeMounted"
}

// Scalar is a named simple type.
type Scalar struct {
	*base.Scalar
	Go      string // "DNSLabel"
	Pattern string // name of the variable with its base.Pattern, "patternDNSLabel"; "" = none
	Phrase  string // for messages: "a lower-case name that DNS can carry"
}

// Event is a type of event of one kind.
type Event struct {
	*model.Event
	Kind   *Kind
	Go     string // payload type: "VolumeDeclared"
	Const  string // "TypeVolumeDeclared"
	Term   string // "ClassVolumeDeclared"
	Schema string // file of its JSON Schema: "VolumeDeclared.v1.json"
	// Supers are the types it specialises, nearest first, up to "Event":
	// ContainerReady, then WorkloadReady, ResourceReady, Event.
	Supers []string
	// Carried are the fields named one by one: "changed", "of", "reason".
	Carried []*Field
	// Sets are constants that it assigns to observed fields.
	Sets []Assignment
	From []*Token // phases in which it may happen; none means any
	To   *Token   // the phase that follows; nil = unchanged, or gone when Ends
}

// EventClass is a type of event of an abstract class: nothing is of that type
// alone, it is what subscribers match.
type EventClass struct {
	Name    string // "WorkloadReady"
	IRI     string
	Label   string
	Comment string
	Supers  []string
	Term    string
}

// Assignment is a constant that an event gives to a field.
type Assignment struct {
	Field *Field
	Value string // lexical form or token
	Go    string // the same as a Go expression
}

// Operation is POST {iri}/{path}.
type Operation struct {
	*model.Operation
	Kind       *Kind
	Go         string // command type and SDK method: "DrainNode"
	ID         string // operationId: "drainNode"
	Permission string // "node:drain"
	Input      *Value // nil = empty body
	From       []*Token
	Causes     *Event
}

// View is GET {iri}/{path}.
type View struct {
	*model.View
	Kind *Kind
	ID   string // "nodeMetrics"
}

// Action says what a route does.
type Action uint8

const (
	List Action = iota
	Get
	Put
	Patch
	Delete
	Operate
	Sparql   // SPARQL 1.1 Protocol on the dataset of a resource
	Graph    // SPARQL 1.1 Graph Store HTTP Protocol on it
	Findings // what reasoning found in it
)

// Route is one method on one path.
type Route struct {
	Method    string // "PUT"
	Path      string // "/products/{product}/volumes/{name}"
	ID        string // operationId: "putVolume"
	Action    Action
	Kind      *Kind
	Operation *Operation // of Operate
	InProduct bool
}

// Column is one column of a table for people.
type Column struct {
	Title   string // "SIZE"
	Pointer string // RFC 6901 into the JSON of the resource: "/status/phase"
	Field   *Field // nil for name, product and the head
}

// Term is one IRI that quads use.
type Term struct {
	Const string // "PropSize"
	IRI   string
}
