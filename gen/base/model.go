package base

// The description of kinds as data: what code that treats all kinds alike (the
// readers of RDF and .picloud, the pages for people, completion, plans) needs
// to know. The generator fills it from the ontology (generated/schema); code
// that depends on one kind uses that kind's Go types instead.

// Form says how many values a field has and how they are kept.
type Form uint8

const (
	Single Form = iota // at most one value
	Set                // unordered scalars or references; JSON array, sorted
	Map                // value objects by key; JSON object
	List               // ordered scalars; JSON array, rdf:List
)

// Type is what each value of a field is.
type Type uint8

const (
	TypeString Type = iota
	TypeInteger
	TypeBoolean
	TypeDouble
	TypeDateTime
	TypeEnum
	TypeRef
	TypeObject
)

// Syntax is the way in which people write a quantity or a compound string in
// .picloud, on the command line and on pages.
type Syntax string

const (
	PlainSyntax    Syntax = ""
	ByteSyntax     Syntax = "bytes"    // '100GB', '512MiB'
	CPUSyntax      Syntax = "cpu"      // '500m', '2'
	SecondsSyntax  Syntax = "seconds"  // '15s', '5m', '1h', '7d'
	MillisSyntax   Syntax = "millis"   // '250ms', '2s'
	CompoundSyntax Syntax = "compound" // the fields of a value object joined by a separator
)

// Scalar is a named simple type: a standard datatype with bounds.
type Scalar struct {
	Name      string // "Bytes"
	IRI       string
	Comment   string
	Datatype  string // IRI of an XML Schema datatype
	Unit      string // "byte", "millicore", "second", "" where there is none
	Syntax    Syntax
	Pattern   string // anchored; "" = any
	MinLength int    // in characters
	MaxLength int    // in characters; 0 = not a string
	Min, Max  *int64 // of integers, inclusive
	Example   string // lexical form
}

// Field is one field of a kind or value class.
type Field struct {
	Name     string // in JSON and .picloud: "storageIntent"
	IRI      string // of the property: pc:storageIntent
	Shape    string // of the property shape: pc:Volume-storageIntent; the rule that violations name
	Comment  string
	Order    int
	Form     Form
	Type     Type
	Scalar   string // name of the scalar, for simple types
	Enum     string // name of the enumeration
	Object   string // name of the value class
	Target   string // name of the class referred to
	Key      string // for maps: name of the key field in the value class
	Value    string // for maps of one scalar: name of that field in the value class
	MinItems int    // of sets, maps and lists
	MaxItems int    // of sets, maps and lists
	Min, Max *int64 // of integers, inclusive, as narrowed here or given by the scalar
	// MinLength and MaxLength are those of strings, in characters, as narrowed
	// here or given by the scalar; MaxLength 0 = not a string.
	MinLength, MaxLength int

	Default  string // lexical form, token or ""; filled in before Decide
	Unit     string
	Syntax   Syntax
	OnDelete OnDelete

	Required, Observed, Immutable, Sensitive bool

	Content   bool     // text that files bring in by file('…')
	Acyclic   bool     // following the reference must never lead back
	Authority bool     // only the platform may state it; product data never does
	Function  string   // word of the function that gives the value in .picloud: secret('db')
	StampedBy []string // observed time of the last change of these fields
	Quads     bool     // observed number of quads in the dataset of its resource
	Level     int      // of the platform with which it came; 0 = the first
}

// Lifecycle says who moves a resource from phase to phase.
type Lifecycle uint8

const (
	Declarative  Lifecycle = iota // ready from its declaration on
	Reconciled                    // a slice makes it so and reports
	OwnLifecycle                  // its own events move it
)

// Origin says who brings resources of a kind into being.
type Origin uint8

const (
	Declared Origin = iota // clients, by PUT and apply
	Reported               // the platform; clients have operations only
	Derived                // rules
)

// Class is a kind, an abstract class or a value class.
type Class struct {
	Name     string // "Volume"
	IRI      string
	Label    string
	Comment  string
	Kind     bool     // has instances with addresses of their own
	Abstract bool     // only kinds below it have instances
	Supers   []string // direct and indirect, nearest first
	Kinds    []string // for kinds and abstract classes: the kinds that a reference to it may name

	// Of kinds:
	Word         string // "volume"
	Plural       string // "volumes"
	Segment      string // of the path
	InCluster    bool   // /{segment}/{name}
	InProduct    bool   // /products/{product}/{segment}/{name}
	Singleton    bool   // the cluster itself
	Slice        string
	Lifecycle    Lifecycle
	Reconciler   bool // this release acts on it
	Origin       Origin
	HoldsData    bool
	Dataset      bool // SPARQL Update and the Graph Store Protocol change what it holds
	Restricted   bool // resources of the cluster lie in the graph that administrators read
	Level        int  // of the platform with which it came; 0 = the first
	UniqueName   bool // of abstract classes: names are unique across its kinds
	Operations   []Operation
	Fields       []*Field   // inherited ones too, in sh:order
	Alternatives [][]string // sets of fields of which exactly one is present
	OneOf        []string   // sensitive fields of which exactly one is kept; a declaration without any keeps it

	// Of value classes:
	Shorthand string // field that a bare value fills in .picloud
	Function  string // word of the function that fills FunctionField: secret('db')
	Filled    string // field that Function fills
	Separator string // of CompoundSyntax
}

// Operation is something that can be asked of a resource beside changing its
// declaration.
type Operation struct {
	Name    string // "drain": path segment and verb
	Comment string
	Input   string // name of the value class of the body, or ""
}

// Token is one value of an enumeration.
type Token struct {
	Token   string // "on-failure"
	IRI     string
	Name    string // "RestartOnFailure"
	Comment string
	Level   int // of the platform with which it came; 0 = the first
}

// Enum is an enumeration.
type Enum struct {
	Name    string
	IRI     string
	Comment string
	Tokens  []Token
}

// Model is the whole description. It is immutable.
type Model struct {
	Classes []*Class
	Enums   []*Enum
	Scalars []*Scalar

	classes  map[string]*Class
	enums    map[string]*Enum
	scalars  map[string]*Scalar
	words    map[string]*Class
	byIRI    map[string]*Class
	segments map[string]*Class
}

// NewModel indexes a description.
func NewModel(classes []*Class, enums []*Enum, scalars []*Scalar) *Model {
	m := &Model{
		Classes: classes, Enums: enums, Scalars: scalars,
		classes: map[string]*Class{}, enums: map[string]*Enum{}, scalars: map[string]*Scalar{},
		words: map[string]*Class{}, byIRI: map[string]*Class{}, segments: map[string]*Class{},
	}
	for _, c := range classes {
		m.classes[c.Name], m.byIRI[c.IRI] = c, c
		if c.Kind {
			m.words[c.Word], m.segments[c.Segment] = c, c
		}
	}
	for _, e := range enums {
		m.enums[e.Name] = e
	}
	for _, s := range scalars {
		m.scalars[s.Name] = s
	}
	return m
}

// Class finds a class by name, Kind a kind by its word, KindOfSegment a kind
// by its path segment, ClassOfIRI a class by its IRI; each gives nil when
// there is none.
func (m *Model) Class(name string) *Class            { return m.classes[name] }
func (m *Model) Kind(word string) *Class             { return m.words[word] }
func (m *Model) KindOfSegment(segment string) *Class { return m.segments[segment] }
func (m *Model) ClassOfIRI(iri string) *Class        { return m.byIRI[iri] }
func (m *Model) Enum(name string) *Enum              { return m.enums[name] }
func (m *Model) Scalar(name string) *Scalar          { return m.scalars[name] }

// Field finds a field by the name it has in JSON, or nil.
func (c *Class) Field(name string) *Field {
	for _, f := range c.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// FieldOfIRI finds a field by its property, or nil.
func (c *Class) FieldOfIRI(iri string) *Field {
	for _, f := range c.Fields {
		if f.IRI == iri {
			return f
		}
	}
	return nil
}
