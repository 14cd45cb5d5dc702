// Times whole processes, by way of a small program of Rust: what a run of Node costs would be more than what is timed.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, Timings } from "./interleave.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const manifest = [
  "--manifest-path",
  "tests/bench/processes/Cargo.toml",
  "--target-dir",
  "target/bench-processes",
];
const program = `${root}target/bench-processes/release/azure-token-cache-bench-processes`;

/**
 * Runs every command once a round, or `runs` times, of which the median counts. This process's event loop goes on meanwhile: what
 * it serves can be part of what is timed.
 *
 * @param {Record<string, { runs?: number, command: string[] }>} subjects
 * @param {{ warmUps: number, rounds: number, env?: Record<string, string> }} options
 * @returns {Promise<{ timings: Timings, megabytes(name: string): number }>}
 */
export async function timeProcesses(subjects, { warmUps, rounds, env = process.env }) {
  build();
  const words = Object.entries(subjects).flatMap(([name, { runs = 1, command }]) => [
    "--",
    name,
    String(runs),
    ...command,
  ]);
  const runs = parsed(await output([String(warmUps), String(rounds), ...words], env));
  const samples = [...runs].map(([name, ofRounds]) => [
    name,
    ofRounds.map((ofRound) => median(ofRound.map(({ ns }) => ns))),
  ]);
  return {
    timings: new Timings(new Map(samples)),
    megabytes: (name) =>
      Math.max(...runs.get(name).flatMap((ofRound) => ofRound.map(({ bytes }) => bytes))) / 1e6,
  };
}

function build() {
  const { status } = spawnSync("cargo", ["build", "--release", "--locked", "--quiet", ...manifest], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) throw new Error(`the build of tests/bench/processes ended with ${status}`);
}

function output(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`a process could not be timed: exit code ${code}`)),
    );
  });
}

/** By subject and round. */
function parsed(text) {
  const runs = new Map();
  for (const line of text.trimEnd().split("\n")) {
    const [name, round, ns, kibibytes] = line.split("\t");
    if (!runs.has(name)) runs.set(name, []);
    const rounds = runs.get(name);
    rounds[Number(round)] ??= [];
    rounds[Number(round)].push({ ns: Number(ns), bytes: Number(kibibytes) * 1024 });
  }
  return runs;
}
