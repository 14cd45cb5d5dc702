// What the demo writes in the terminal: headings, rows with a number, and a line while something takes time.

const colours = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;

const paint = (code: number) => (text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = paint(1);
const dim = paint(2);
const green = paint(32);
const red = paint(31);

export function heading(text: string, explanation: string): void {
  console.log(`\n${bold(text)}\n${dim(explanation)}\n`);
}

export interface Row {
  readonly what: string;
  readonly value: string;
  readonly good?: boolean | undefined;
}

/** Rows under each other, their values aligned. */
export function table(rows: readonly Row[]): void {
  const width = Math.max(...rows.map((row) => row.what.length));
  for (const { what, value, good } of rows) {
    const shown = good === undefined ? bold(value) : good ? green(value) : red(value);
    console.log(`  ${what.padEnd(width)}  ${shown}`);
  }
}

/** Says what goes on until it is over; without a terminal, once. */
export async function during<T>(text: string, work: Promise<T>): Promise<T> {
  if (!colours) {
    console.log(dim(`  ${text} ...`));
    return work;
  }
  const began = performance.now();
  const show = () => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    process.stdout.write(`\r${dim(`  ${text} ... ${seconds} s`)}`);
  };
  const ticking = setInterval(show, 100);
  try {
    return await work;
  } finally {
    clearInterval(ticking);
    process.stdout.write("\r\u001b[2K");
  }
}

export function note(text: string): void {
  console.log(dim(`\n  ${text}`));
}

export function milliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 10) return `${Math.round(value)} ms`;
  return value >= 0.01 ? `${value.toFixed(2)} ms` : `${Math.round(value * 1e6)} ns`;
}
