// Package agreement tests that every statement of one constraint says the same:
// the Go decoder and validator, JSON Schema, OpenAPI and the SHACL shapes of
// documents (as the platform's own engine reads them, and another) give one
// verdict on every example and on mutations of it.
//
// Deliberately absent: code that is not a test. What some statement cannot say
// is in the table of reasons, case by case, and counted.
package agreement
