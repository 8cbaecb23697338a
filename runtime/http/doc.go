// Package http is the edge of a node: it turns requests into commands and
// queries for the kernel, and views of the kernel into documents.
//
// It decides nothing. What is allowed is asked of the front door (command),
// what exists is read from one state or view per request (projection; dataset for what a
// store holds), so that every answer shows exactly one position of the log.
// Changes of a store go through dataset/writer, whichever protocol asks for them. It knows no kind: routes come
// from generated/api, bodies are read by generated/codec. What may write is carried to
// the leader, once, and answered when this node shows it.
package http
