// Package api emits generated/api: the table of routes, and the OpenAPI
// document that describes them.
//
// OpenAPI is built with kin-openapi and refused when its validator finds a
// fault. 3.0.3 is the master; 3.1 is a conversion that the output makes by
// itself. Deliberately absent: handlers. Routes are regular, so they lead to
// one narrow interface that the runtime fills.
package api
