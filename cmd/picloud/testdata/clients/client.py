# Reads and writes a store with clients of others, as they come: store, token.
import sys

from rdflib import Graph, Literal, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLUpdateStore
from SPARQLWrapper import CSV, JSON, POST, TURTLE, XML, SPARQLWrapper

store, token = sys.argv[1:]
sparql, header = store + "/sparql", "Bearer " + token


def ask(query, form=JSON, method="GET"):
    w = SPARQLWrapper(sparql)
    w.addCustomHttpHeader("Authorization", header)
    w.setQuery(query)
    w.setMethod(method)
    w.setReturnFormat(form)
    return w.query()


w = SPARQLWrapper(sparql)
w.addCustomHttpHeader("Authorization", header)
w.setMethod(POST)
w.setQuery('INSERT DATA { <http://e/wrapper> <http://e/says> "SPARQLWrapper" }')
w.query()
select = "SELECT ?o { <http://e/wrapper> <http://e/says> ?o }"
for method in "GET", POST:
    rows = ask(select, JSON, method).convert()["results"]["bindings"]
    assert [r["o"]["value"] for r in rows] == ["SPARQLWrapper"], rows
assert "SPARQLWrapper" in ask(select, XML).convert().toxml()
assert b"SPARQLWrapper" in ask(select, CSV).convert()
assert ask("ASK { <http://e/wrapper> ?p ?o }").convert()["boolean"] is True
assert b"SPARQLWrapper" in ask("CONSTRUCT WHERE { ?s ?p ?o }", TURTLE).convert()
print("SPARQLWrapper reads and writes")

remote = SPARQLUpdateStore(sparql, sparql, context_aware=True, headers={"Authorization": header})
graph = Graph(remote, identifier=URIRef("http://e/rdflib"))
graph.add((URIRef("http://e/a"), URIRef("http://e/says"), Literal("rdflib")))
graph.update('INSERT { ?s <http://e/also> "rdflib" } WHERE { ?s <http://e/says> ?o }')
assert len(graph) == 2, len(graph)
assert {str(o) for o in graph.objects()} == {"rdflib"}
graph.remove((URIRef("http://e/a"), URIRef("http://e/also"), None))
assert len(list(graph.query("SELECT * { ?s ?p ?o }"))) == 1
print("rdflib's SPARQLUpdateStore reads and writes")
