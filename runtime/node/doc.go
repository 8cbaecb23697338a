// Package node is the one composition root: it opens the parts of a node in
// their order, connects them, and closes them in the reverse order.
//
// It contains no law and no protocol. Everything that a part needs is handed to
// it here; no part finds another by itself.
package node
