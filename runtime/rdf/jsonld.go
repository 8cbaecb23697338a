package rdf

import "io"

func parseJSONLD(r io.Reader, o Options, f func(Statement) error) error { return nil }
func parseRDFXML(r io.Reader, o Options, f func(Statement) error) error { return nil }
