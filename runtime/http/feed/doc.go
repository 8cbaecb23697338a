// Package feed is the newest part of the log as the bytes that leave, made once
// for all who listen.
//
// What a feed shows, the views of its node show too: whoever is told of an event
// and reads at the same node sees what it says. A window is a part of the log
// without a gap, in order, and never written to. The feed keeps the newest 4 MiB, and
// nothing while nobody listens; who is further behind reads the log, so there is no
// queue for anybody, and a slow listener holds up neither the feed nor others. It
// judges nothing: who may see an event is asked by whoever sends it.
package feed
