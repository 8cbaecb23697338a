// Package hostile has queries that would eat a server, to be sent to one in
// tests. queries.txt is written to be read: it says what each of them tries.
//
// Deliberately absent: what becomes of them; the tests of the edge and the soak
// of the program say that.
package hostile
