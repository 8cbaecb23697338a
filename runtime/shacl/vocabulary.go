package shacl

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// sh is the namespace of SHACL.
const sh = "http://www.w3.org/ns/shacl#"

const (
	rdfsClass      = base.RDFS + "Class"
	rdfsSubClassOf = base.RDFS + "subClassOf"
	owlClass       = "http://www.w3.org/2002/07/owl#Class"
)

// words are the terms of the namespace that SHACL Core knows; what else begins
// with it is foreign to this validator or misspelt.
const words = ` BlankNode BlankNodeOrIRI BlankNodeOrLiteral IRI IRIOrLiteral Info Literal NodeShape PropertyGroup PropertyShape
 Shape ValidationReport ValidationResult Violation Warning alternativePath and class closed conforms datatype deactivated
 defaultValue description detail disjoint entailment equals flags focusNode group hasValue ignoredProperties in inversePath
 languageIn lessThan lessThanOrEquals maxCount maxExclusive maxInclusive maxLength message minCount minExclusive
 minInclusive minLength name node nodeKind not oneOrMorePath or order path pattern property qualifiedMaxCount
 qualifiedMinCount qualifiedValueShape qualifiedValueShapesDisjoint result resultMessage resultPath resultSeverity
 severity shapesGraph shapesGraphWellFormed sourceConstraint sourceConstraintComponent sourceShape suggestedShapesGraph
 target targetClass targetNode targetObjectsOf targetSubjectsOf uniqueLang value xone zeroOrMorePath zeroOrOnePath
 declare namespace prefix prefixes `

func known(local string) bool {
	return strings.Contains(strings.Join(strings.Fields(words), " ")+" ", local+" ")
}
