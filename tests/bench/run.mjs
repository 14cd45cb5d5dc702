// Measures every promise beside the peers, prints the table, writes target/bench.json, and exits 1 on a miss.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../../build/root.mjs";
import { nodeBinary } from "../../build/steps/nodes.mjs";
import { reported } from "./child.mjs";
import { isMet, lines, measures } from "./lines.mjs";
import { printComparison, printLines } from "./table.mjs";

const { values: chosen } = parseArgs({
  options: { only: { type: "string" }, node: { type: "string" }, json: { type: "string" } },
});
const jsonPath = chosen.json ?? join(root, "target", "bench.json");

const usualLimitMs = 300_000;
const reports = [];
for (const [name, { nodes, ...conditions }] of Object.entries(measures).filter(([name]) => isChosen(name)))
  for (const major of nodes.filter((major) => chosen.node === undefined || Number(chosen.node) === major))
    reports.push({ name, major, ...measure(name, major, conditions) });

const rows = lines.filter(({ measure: name }) => isChosen(name)).flatMap(rowsOf);
const comparisons = reports.flatMap(comparisonsOf);
for (const comparison of joined(comparisons)) printComparison(comparison);
printLines(rows);
for (const { name, major, failure } of reports.filter((report) => report.failure !== undefined))
  console.error(`\n${name} under Node ${major} failed:\n${failure}`);
write();
process.exitCode = rows.every((row) => row.met) ? 0 : 1;

function isChosen(name) {
  return chosen.only === undefined || chosen.only.split(",").includes(name);
}

/** In a process of its own: no measure optimises or burdens another's code. */
function measure(name, major, { flags = [], limitMs = usualLimitMs, cores }) {
  process.stderr.write(`measuring ${name} under Node ${major} ... `);
  const began = performance.now();
  const script = join(root, "tests", "bench", "measures", `${name}.mjs`);
  const [program, ...args] = [...pinnedTo(cores), nodeBinary(major), ...flags, script];
  const child = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    timeout: limitMs,
  });
  const report = reported(child.stdout ?? "");
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  if (child.status === 0 && report !== undefined) return { report };
  return { failure: `${child.error?.message ?? ""}${child.stderr ?? ""}${child.stdout ?? ""}`.trim() };
}

/** What keeps a command to so many cores, the first ones, where there are more. */
function pinnedTo(cores = availableParallelism()) {
  return cores < availableParallelism() ? ["taskset", "--cpu-list", `0-${cores - 1}`] : [];
}

/** A line that was not measured is a miss. */
function rowsOf(line) {
  return reports
    .filter(({ name }) => name === line.measure)
    .map(({ major, report }) => {
      const measured = report?.values[line.value];
      const node = measures[line.measure].nodes.length > 1 ? major : undefined;
      return { ...line, node, measured, met: isMet(line, measured) };
    });
}

function comparisonsOf({ major, report }) {
  const tables = report === undefined ? [] : [report.table, ...(report.also ?? [])];
  return tables.filter(Boolean).map((table) => ({ ...table, major }));
}

/** One table for both versions of Node: a column each. */
function joined(tables) {
  const titles = [...new Set(tables.map(({ title }) => title))];
  return titles.map((title) => {
    const titled = tables.filter((table) => table.title === title);
    return {
      title,
      columns: titled.map(({ major, cells }) => ({ head: `Node ${major}`, cells })),
      notes: titled[0].notes,
    };
  });
}

function write() {
  mkdirSync(join(root, "target"), { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    platform: `${process.platform}-${process.arch}`,
  };
  const lineFacts = rows.map(({ says, value, node, measured, atMost, atLeast, unit, met }) => ({
    name: says,
    id: value,
    node,
    measured: measured ?? null,
    ...(atMost === undefined ? { atLeast } : { atMost }),
    unit,
    met,
  }));
  const document = {
    takenAt: new Date().toISOString(),
    machine,
    lines: lineFacts,
    comparisons: joined(comparisons),
  };
  writeFileSync(jsonPath, `${JSON.stringify(document, undefined, 2)}\n`);
}
