// One engine of npm as a process: node peer.mjs ENGINE DATA.nt WORKLOAD.json
// prints its times and answers as JSON. It runs where the packages are installed.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [engine, data, workload] = process.argv.slice(2);
const require = createRequire(process.cwd() + "/");
const { queries, mix, capSeconds } = JSON.parse(readFileSync(workload, "utf8"));
const now = () => performance.now();

const cell = (t) => (t.termType === "NamedNode" ? `<${t.value}>` : t.value);
const quadLine = (q) => `${cell(q.subject)} ${cell(q.predicate)} ${cell(q.object)}`;
const rowLine = (row) => [...row].map(([k, v]) => `${k.value ?? k}=${cell(v)}`).sort().join("\t");

const engines = {
  oxigraph() {
    const ox = require("oxigraph");
    const store = new ox.Store();
    return {
      load: () => store.load(readFileSync(data, "utf8"), { format: "application/n-triples" }),
      query: (text) => store.query(text),
      update: (text) => store.update(text),
      lines: (rows) => rows.map((r) => (r instanceof Map ? rowLine(r) : quadLine(r))),
    };
  },
  comunica() {
    const { QueryEngine } = require("@comunica/query-sparql-rdfjs");
    const n3 = require("n3");
    const store = new n3.Store();
    const comunica = new QueryEngine();
    const context = { sources: [store], destination: store };
    return {
      load: () => store.addQuads(new n3.Parser({ format: "N-Triples" }).parse(readFileSync(data, "utf8"))),
      async query(text) {
        const stream = /\bCONSTRUCT\b/.test(text) ? await comunica.queryQuads(text, context) : await comunica.queryBindings(text, context);
        return stream.toArray();
      },
      update: (text) => comunica.queryVoid(text, context),
      lines: (rows) => rows.map((r) => (r.subject ? quadLine(r) : rowLine(r))),
    };
  },
};

const e = engines[engine]();
const answer = (rows) => {
  const lines = e.lines(rows).sort();
  return { rows: lines.length, hash: createHash("sha256").update(lines.join("\n")).digest("hex") };
};
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const deadline = (seconds) => now() + seconds * 1000;

const started = now();
await e.load();
const out = { load: (now() - started) / 1000, queries: {}, mix: {} };
globalThis.gc?.();
out.rss = process.memoryUsage().rss;
for (const q of queries) {
  const result = answer(await e.query(q.text));
  const times = [];
  for (const end = deadline(capSeconds / 10); times.length < 15 && (times.length === 0 || now() < end); ) {
    const at = now();
    await e.query(q.text);
    times.push(now() - at);
  }
  out.queries[q.name] = { ...result, ms: median(times), runs: times.length };
}
const end = deadline(capSeconds);
for (const [i, s] of mix.entries()) {
  if (now() > end) break;
  let result;
  const at = now();
  if (s.text) result = await e.query(s.text);
  else await e.update(`DELETE DATA { ${s.remove} } ; INSERT DATA { ${s.add} }`);
  const ms = now() - at;
  const sum = (out.mix[s.name] ??= { times: [], runs: 0, rows: 0, hash: "" });
  sum.times.push(ms);
  sum.runs++;
  if (result) {
    const a = answer(result);
    sum.rows += a.rows;
    sum.hash = createHash("sha256").update(sum.hash + a.hash).digest("hex");
  }
  out.steps = i + 1;
}
for (const sum of Object.values(out.mix)) sum.ms = median(sum.times);
console.log(JSON.stringify(out));
