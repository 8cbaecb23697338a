// Package fetch reads RDF documents from the web for SPARQL's LOAD, from hosts
// that the operator of the server has listed and from no others.
//
// Invariants:
//
//   - Only listed hosts are spoken to, at their listed port, over https; over
//     http only to a loopback address.
//   - The address that is dialled is looked at, not the one that a name had
//     before: it is public, or listed itself.
//   - A redirection leads to the same host by the same scheme.
//   - No credentials, cookies or proxies; bytes, quads and time are bounded.
//
// Deliberately absent: a cache, and files.
package fetch
