// Package client emits generated/client: the Go client of a cluster.
//
// Its core (transport, problems, paging, the streams of events and of live
// queries) is ordinary Go in the folder core, tested there and copied as it is;
// what varies by kind are thin typed methods over it, one for each route. The output reads with
// generated/codec, so there is no second way to read a kind.
package client
