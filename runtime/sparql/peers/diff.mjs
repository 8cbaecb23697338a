// One engine of npm as a process: node diff.mjs ENGINE CASES.json prints its
// answers as JSON lines. It runs where the packages are installed.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [engine, file] = process.argv.slice(2);
const require = createRequire(process.cwd() + "/");

const kinds = { NamedNode: "iri", BlankNode: "blank", Literal: "literal" };
const term = (t) => ({ kind: kinds[t.termType], value: t.value, datatype: t.datatype?.value, lang: t.language });
const triple = (q) => ({ s: term(q.subject), p: term(q.predicate), o: term(q.object) });
const row = (r) => Object.fromEntries([...r].map(([k, v]) => [k.value ?? k, term(v)]));

const engines = {
  oxigraph() {
    const ox = require("oxigraph");
    return (c) => {
      const store = new ox.Store();
      store.load(c.data, { format: "application/n-quads" });
      const result = store.query(c.query, { base_iri: c.base || undefined });
      if (typeof result === "boolean") return { boolean: result };
      return { rows: result.map(c.graph ? triple : row) };
    };
  },
  comunica() {
    const { QueryEngine } = require("@comunica/query-sparql-rdfjs");
    const n3 = require("n3");
    const comunica = new QueryEngine();
    return async (c) => {
      const store = new n3.Store(new n3.Parser({ format: "N-Quads" }).parse(c.data));
      const result = await comunica.query(c.query, { sources: [store], baseIRI: c.base || undefined });
      if (result.resultType === "boolean") return { boolean: await result.execute() };
      return { rows: (await (await result.execute()).toArray()).map(c.graph ? triple : row) };
    };
  },
};

const answer = engines[engine]();
const late = () => new Promise((_, reject) => setTimeout(reject, 5_000, new Error("no answer within 5 s")));
for (const c of JSON.parse(readFileSync(file, "utf8"))) {
  let out;
  try {
    out = await Promise.race([answer(c), late()]);
  } catch (e) {
    out = { error: String(e.message ?? e) || "an error without a word" };
  }
  console.log(JSON.stringify(out));
}
process.exit(0); // what did not answer may still be at it
