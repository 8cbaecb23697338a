"""pyoxigraph as a process: python peer.py DATA.nt WORKLOAD.json prints its times and answers as JSON."""

import gc
import hashlib
import json
import sys
import time

import pyoxigraph as ox

data, workload = sys.argv[1:]
with open(workload) as f:
    work = json.load(f)
store = ox.Store()


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def cell(term):
    return f"<{term.value}>" if isinstance(term, ox.NamedNode) else term.value


def lines(rows, names):
    if names is None:
        return sorted(" ".join(cell(t) for t in (q.subject, q.predicate, q.object)) for q in rows)
    return sorted("\t".join(sorted(f"{n}={cell(r[n])}" for n in names if r[n] is not None)) for r in rows)


def run(text):
    """Gives the rows, all of them in memory, and the names of the columns, None for quads."""
    result = store.query(text)
    names = [v.value for v in result.variables] if isinstance(result, ox.QuerySolutions) else None
    return list(result), names


def answer(rows, names):
    text = lines(rows, names)
    return {"rows": len(text), "hash": sha("\n".join(text))}


at = time.perf_counter()
store.bulk_load(path=data, format=ox.RdfFormat.N_TRIPLES)
out = {"load": time.perf_counter() - at, "queries": {}, "mix": {}}
gc.collect()
with open("/proc/self/status") as f:
    out["rss"] = next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))
for q in work["queries"]:
    result = answer(*run(q["text"]))
    times = []
    end = time.perf_counter() + work["capSeconds"] / 10
    while len(times) < 15 and (not times or time.perf_counter() < end):
        at = time.perf_counter()
        run(q["text"])
        times.append((time.perf_counter() - at) * 1000)
    out["queries"][q["name"]] = {**result, "ms": sorted(times)[len(times) // 2], "runs": len(times)}
end = time.perf_counter() + work["capSeconds"]
for i, step in enumerate(work["mix"]):
    if time.perf_counter() > end:
        break
    result = None
    at = time.perf_counter()
    if step["text"]:
        result = run(step["text"])
    else:
        store.update(f"DELETE DATA {{ {step['remove']} }} ; INSERT DATA {{ {step['add']} }}")
    ms = (time.perf_counter() - at) * 1000
    total = out["mix"].setdefault(step["name"], {"times": [], "runs": 0, "rows": 0, "hash": ""})
    total["times"].append(ms)
    total["runs"] += 1
    if result:
        a = answer(*result)
        total["rows"] += a["rows"]
        total["hash"] = sha(total["hash"] + a["hash"])
    out["steps"] = i + 1
for total in out["mix"].values():
    total["ms"] = sorted(total["times"])[len(total["times"]) // 2]
print(json.dumps(out))
