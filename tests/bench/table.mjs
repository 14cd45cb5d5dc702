// Prints the bench: what was promised, what was measured, and how the peers compare.

const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const green = (text) => (colours ? `\x1b[32m${text}\x1b[0m` : text);
const red = (text) => (colours ? `\x1b[31m${text}\x1b[0m` : text);
const bold = (text) => (colours ? `\x1b[1m${text}\x1b[0m` : text);

/** The promises; a miss stands out without colours too. */
export function printLines(rows) {
  const names = rows.map(({ says, node }) => (node === undefined ? says : `${says}, Node ${node}`));
  const width = Math.max(...names.map((name) => name.length));
  console.log(`\n${bold("What it must reach")}\n`);
  rows.forEach((row, index) => {
    const measured = shown(row.measured, row.unit).padStart(12);
    console.log(
      `  ${names[index].padEnd(width)}  ${measured}   ${targetOf(row)}  ${row.met ? green("met") : red("MISSED")}`,
    );
  });
  const missed = rows.filter(({ met }) => !met).length;
  console.log(
    `\n  ${missed === 0 ? green(`All ${rows.length} lines met.`) : red(`${missed} of ${rows.length} lines missed.`)}`,
  );
}

/** Subjects down, Node versions across; below, what the numbers do not tell. */
export function printComparison({ title, columns, notes = [] }) {
  const names = [...new Set(columns.flatMap(({ cells }) => Object.keys(cells)))];
  const width = Math.max(...names.map((name) => name.length));
  console.log(`\n${bold(title)}\n`);
  console.log(`  ${"".padEnd(width)}${columns.map(({ head }) => head.padStart(12)).join("")}`);
  for (const name of names)
    console.log(
      `  ${name.padEnd(width)}${columns.map(({ cells }) => shown(cells[name], "").padStart(12)).join("")}`,
    );
  for (const note of notes) console.log(`  ${note}`);
}

function targetOf({ atMost, atLeast, unit }) {
  const text = atMost === undefined ? `at least ${shown(atLeast, unit)}` : `at most ${shown(atMost, unit)}`;
  return text.padEnd(18);
}

function shown(value, unit) {
  if (!Number.isFinite(value)) return "not measured";
  const number = Number.isInteger(value) ? value.toLocaleString("en") : precise(value);
  return unit === "" || unit === "x" ? `${number}${unit}` : `${number} ${unit}`;
}

function precise(value) {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
