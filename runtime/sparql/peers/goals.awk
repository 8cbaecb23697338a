# Puts the goals of the graph engine beside its figures: reads the lines of Go's
# benchmarks, prints them, and below each that has a goal, the goal and whether it is met.
BEGIN {
	goal("^BenchmarkLoadNTriples", "triples/s", ">=", 500000, 1, "triples/s from N-Triples")
	goal("^BenchmarkLoadNTriples", "triples/cpu-s", ">=", 500000, 1, "triples/s of the processor's time, which others do not take")
	goal("^BenchmarkLoadMillion", "heap-B/quad", "<=", 200, 1, "bytes of heap per quad, after the load")
	goal("^BenchmarkApply/", "heap-B/quad", "<=", 200, 1, "bytes of heap per quad, after changes")
	goal("^BenchmarkApply/", "ns/op", "<=", 20, 1000, "µs per delete + insert, a snapshot every 100")
	goal("^BenchmarkApply/", "cpu-ns/op", "<=", 20, 1000, "µs of the processor's time for the same")
	goal("^BenchmarkImageMillion/read", "ns/op", "<=", 2, 1e9, "s until a million quads of an image are ready")
	goal("^BenchmarkStartWithDataset", "ms-dataset", "<=", 2, 1000, "s from the start of a node until a million quads are ready")
	goal("^BenchmarkDelta/", "ms-p95", "<=", 50, 1, "ms, 95th percentile of a live delta, 1,000 subscriptions, in the process")
	goal("^BenchmarkLiveDelta", "ms-p95-event", "<=", 50, 1, "ms, 95th percentile of a live delta, 1,000 subscriptions, over TLS with the commit")
}

function goal(name, unit, sense, bound, divisor, what) {
	n++
	names[n] = name; units[n] = unit; senses[n] = sense; bounds[n] = bound; divisors[n] = divisor; whats[n] = what
}

/^(Benchmark|pkg)/ || /given.*inferred|one triple: delete/ { print }

/^Benchmark/ {
	for (g = 1; g <= n; g++) {
		if ($1 !~ names[g]) continue
		for (i = 4; i <= NF; i += 2) {
			if ($i != units[g]) continue
			value = $(i - 1) / divisors[g]
			met = senses[g] == "<=" ? value <= bounds[g] : value >= bounds[g]
			printf "    %s: " (value < 1000 ? "%.3g" : "%d") " %s (goal %s %d)\n", met ? "met" : "MISSED", value, whats[g], senses[g], bounds[g]
		}
	}
	fflush()
}
