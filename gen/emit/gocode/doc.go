// Package gocode is the dozen verbs in which the emitters write Go: files,
// types, functions, and the statements if, for, switch and return.
//
// It stands on jennifer, which knows imports and layout. A piece of code is
// written as it will read in the output; names of packages in it
// (base.Ref, domain.Volume) become imports by themselves. Deliberately absent:
// any knowledge of the model, and every feature of Go that output does not use.
package gocode
