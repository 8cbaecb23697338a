// Command etcdload writes to an etcd cluster from many writers at once and
// prints how long it took, for the comparison in package clusterbench.
//
//	etcdload ENDPOINTS WRITERS SECONDS VALUE-BYTES
//
// It is a module of its own so that etcd's client, with gRPC behind it, is no
// dependency of picloud. Deliberately absent: reads, and any setting that etcd
// does not have by itself.
package main
