// Package ports emits generated/ports: what people write so that declared
// resources become real, one interface for each slice with reconciled kinds.
package ports
