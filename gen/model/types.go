package model

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
)

// Model is a checked ontology: base.Model, which the runtime has too, and what
// only the generator needs. Everything in it refers by name and was found to
// be consistent.
type Model struct {
	*base.Model
	Origins    map[string]string // name of a class or enumeration → file stem: "storage"
	Events     []*Event          // of kinds, in the order of kinds and lifecycles
	EventTypes []*EventClass     // events of abstract classes
	Lifecycles []*Lifecycle
	Operations []*Operation
	Views      []*View
	Rules      []*Rule
	Messages   []Message
	Errors     []ErrorCode
	Envelope   []*base.Field // the fields of pc:Event
	Properties []Property    // those that are no fields: iri, kind, name, product, and inferred ones

	// Source is what the model was made of.
	Source *load.Ontology
}

// Absent stands for "there is no such resource" in From and To of events.
const Absent = "absent"

// Author says who causes events.
type Author string

const (
	Client     Author = "client"
	Reconciler Author = "reconciler"
	Platform   Author = "platform"
)

// Event is a class of events with all that it does to state.
type Event struct {
	Name    string // "VolumeReady"
	IRI     string
	Label   string
	Comment string
	Kind    string   // name of the class: "Volume"
	Of      string   // the event of a lifecycle that it specialises, "ResourceReady"; "" = the kind's own
	Supers  []string // nearest first, ending in "Event"
	By      []Author
	From    []string // names of phases ("Declared"); empty = any
	To      string   // name of a phase; "" = unchanged
	Begins  bool     // there was no such resource before
	Ends    bool     // there is none after
	// Declaration: it carries the whole declared state; Observation: it
	// carries observed fields, those that changed.
	Declaration, Observation bool
	// Dataset: it carries quads that left and came, and how many there are then.
	Dataset bool
	Carries []string // further fields: of the envelope ("changed", "of"), the head ("reason") or the kind
	Sets    []Assignment
	Latest  bool // superseded by a newer one of the same subject; else kept for ever
	Version int  // of its schema
	Level   int  // of the platform with which it came, that of its kind at least; 0 = the first
}

// EventClass is an event of an abstract class.
type EventClass struct {
	Name, IRI, Label, Comment string
	Class                     string // "Workload"
	Of                        string // "ResourceReady"; itself for the events of Resource
	Supers                    []string
}

// Assignment is a constant that an event gives to a field.
type Assignment struct{ Field, Value string }

// Lifecycle is a set of events.
type Lifecycle struct {
	Name    string
	Initial string   // name of a phase
	Events  []string // names, of Resource for the two common ones
}

// Operation is something to ask of a resource beside changing its declaration.
type Operation struct {
	base.Operation
	IRI    string
	Kind   string
	From   []string // names of phases; empty = any
	Causes string   // name of an event
	// Platform: only the platform causes the event, so the operation is its
	// command and has no address.
	Platform bool
}

// View is a named answer below a resource.
type View struct {
	Name, IRI, Kind, Comment string
}

// Rule is a sentence that one method of a slice decides.
type Rule struct {
	Name, IRI, Kind, Slice, Comment string
}

// Message is a sentence about a violation.
type Message struct{ Name, IRI, Token, Sentence, Comment string }

// ErrorCode is one of the closed set of problem types.
type ErrorCode struct {
	Name, IRI, Token, Comment string
	Status                    int
	Retry                     string
}

// Property is a property of the vocabulary that no shape describes.
type Property struct{ Name, IRI, Label, Comment string }
