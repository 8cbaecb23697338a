"""pyoxigraph as a process: python diff.py CASES.json prints its answers as JSON lines."""

import json
import sys

import pyoxigraph as ox


def term(t):
    if isinstance(t, ox.NamedNode):
        return {"kind": "iri", "value": t.value}
    if isinstance(t, ox.BlankNode):
        return {"kind": "blank", "value": t.value}
    return {"kind": "literal", "value": t.value, "datatype": t.datatype.value, "lang": t.language or ""}


def answer(case):
    store = ox.Store()
    store.load(case["data"].encode(), format=ox.RdfFormat.N_QUADS)
    result = store.query(case["query"], base_iri=case["base"] or None)
    if isinstance(result, ox.QueryBoolean):
        return {"boolean": bool(result)}
    if isinstance(result, ox.QueryTriples):
        return {"rows": [{"s": term(t.subject), "p": term(t.predicate), "o": term(t.object)} for t in result]}
    names = [v.value for v in result.variables]
    return {"rows": [{n: term(r[n]) for n in names if r[n] is not None} for r in result]}


with open(sys.argv[1]) as f:
    cases = json.load(f)
for case in cases:
    try:
        out = answer(case)
    except BaseException as e:  # a panic of the engine is no Exception
        out = {"error": str(e) or type(e).__name__}
    print(json.dumps(out))
