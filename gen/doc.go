// Package gen turns the ontology into the output below generated/:
// load → model → plan → emit → write.
//
// One table (Outputs) declares everything that is generated. All files are
// made in memory and the disk is touched only when every emitter succeeded.
// Output depends on the ontology and on the generator alone: no time, version,
// path or order of a map gets in, so two runs give the same bytes.
//
// The folders: base is the leaf that output stands on; load, model and plan
// lead from Turtle to names; emit/… make files; write puts them on disk; tidy
// tests the repository itself.
package gen

//go:generate go run github.com/picloud/picloud/cmd/picloud-gen generate
