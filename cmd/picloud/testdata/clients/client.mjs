// Reads and writes a store with clients of others, as they come: store, token.
import assert from 'node:assert'
import { SparqlEndpointFetcher } from 'fetch-sparql-endpoint'
import SparqlClient from 'sparql-http-client'

const [store, token] = process.argv.slice(2)
const sparql = store + '/sparql'
const headers = { authorization: 'Bearer ' + token }
const rows = async stream => {
  const list = []
  for await (const row of stream) list.push(row)
  return list
}

const client = new SparqlClient({ endpointUrl: sparql, updateUrl: sparql, storeUrl: store + '/graph', headers })
await client.query.update('INSERT DATA { GRAPH <http://e/http-client> { <http://e/a> <http://e/says> "sparql-http-client" } }')
const found = await rows(client.query.select('SELECT ?o { GRAPH <http://e/http-client> { ?s ?p ?o } }'))
assert.deepStrictEqual(found.map(r => r.o.value), ['sparql-http-client'])
assert.strictEqual(await client.query.ask('ASK { GRAPH <http://e/http-client> { ?s ?p ?o } }'), true)
const graph = client.factory.namedNode('http://e/http-client')
const quads = await rows(client.store.get(graph))
assert.strictEqual(quads.length, 1)
const { Readable } = await import('node:stream')
const copy = client.factory.namedNode('http://e/copy')
await client.store.put(Readable.from(quads.map(q => client.factory.quad(q.subject, q.predicate, q.object, copy))), { graph: copy })
assert.strictEqual((await rows(client.store.get(copy))).length, 1)
assert.strictEqual((await rows(client.query.construct('CONSTRUCT { ?s ?p ?o } WHERE { GRAPH <http://e/copy> { ?s ?p ?o } }'))).length, 1)
console.log('sparql-http-client reads and writes')

const fetcher = new SparqlEndpointFetcher({ fetch: (url, init) => {
  const all = new Headers(init.headers)
  all.set('authorization', headers.authorization)
  return fetch(url, { ...init, headers: all })
} })
await fetcher.fetchUpdate(sparql, 'DELETE { GRAPH <http://e/copy> { ?s ?p ?o } } INSERT { GRAPH <http://e/fetched> { ?s ?p "fetch-sparql-endpoint" } } WHERE { GRAPH <http://e/copy> { ?s ?p ?o } }')
const bindings = await rows(await fetcher.fetchBindings(sparql, 'SELECT ?g ?o { GRAPH ?g { ?s ?p ?o } FILTER(?g IN (<http://e/copy>, <http://e/fetched>)) }'))
assert.deepStrictEqual(bindings.map(b => b.o.value), ['fetch-sparql-endpoint'])
assert.strictEqual(await fetcher.fetchAsk(sparql, 'ASK { GRAPH <http://e/copy> { ?s ?p ?o } }'), false)
assert.strictEqual((await rows(await fetcher.fetchTriples(sparql, 'CONSTRUCT { ?s ?p ?o } WHERE { GRAPH <http://e/fetched> { ?s ?p ?o } }'))).length, 1)
console.log('fetch-sparql-endpoint reads and writes')
