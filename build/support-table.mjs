// Writes the README's support table from the list that the tests prove: `npm run support-table`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crowd, rows, titleOf } from "../tests/js/support/rows.ts";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";

const readme = join(root, "README.md");
const marks = {
  begin: "<!-- support table: npm run support-table -->",
  end: "<!-- end of the support table -->",
};

/** The README, and as it reads with the table of the list. */
export function readmeWithTable() {
  const written = readFileSync(readme, "utf8");
  const [before, rest, ...again] = written.split(marks.begin);
  const after = rest?.split(marks.end)[1];
  if (after === undefined || again.length > 0)
    throw new Failure("README.md has no single place for the support table.");
  return { written, generated: `${before}${marks.begin}\n${table()}\n${marks.end}${after}` };
}

function table() {
  const head = ["credential", "in memory", "persistent", `${crowd} calls at once, nothing kept`];
  return [head, head.map(() => "---"), ...rows.map(cells)]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function cells(row) {
  const [name, ...way] = titleOf(row).split(", ");
  return [
    [`\`${name}\``, ...way].join(", "),
    "yes",
    row.partition ? "with `partition`" : "yes",
    savingOf(row.cost),
  ];
}

function savingOf({ requests, processes }) {
  const saved = (count, one) =>
    `${count * crowd} → ${count} ${one}${count === 1 ? "" : one.endsWith("s") ? "es" : "s"}`;
  return processes > 0 ? saved(processes, "process") : saved(requests, "request");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  writeFileSync(readme, readmeWithTable().generated);
