// What a program printed to its last line is in its log once it has ended, where the search for tokens reads it at once.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fakeToken } from "../../leaks/search.mjs";
import { run } from "../../stand/run.ts";

const said = `echo nothing; echo '${fakeToken("last")}'`;

test("a token in the last line of a program is found", async () => {
  assert.deepEqual(await streamed(said), { outcome: "done", leaks: ["plain"] });
});

test("a token in the last line of a program that fails is found", async () => {
  const outcome = "sh ended with exit code 3.";
  assert.deepEqual(await streamed(`${said}; exit 3`), { outcome, leaks: ["plain"] });
});

test("a program that prints no token has none found", async () => {
  assert.deepEqual(await streamed("echo nothing"), { outcome: "done", leaks: [] });
});

/** What becomes of a shell script, and which leaks are found right after it: in a process of its own, whose output is its own. */
async function streamed(script: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "stream-"));
  try {
    const streamer = join(folder, "streamer.mjs");
    writeFileSync(streamer, streaming(script, join(folder, "logs")));
    const { code, stdout, stderr } = await run(process.execPath, [streamer], {
      env: { PATH: "/usr/bin:/bin", UV_THREADPOOL_SIZE: "1" },
      printsTokens: true,
    }).ended;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Files are written by the pool's one thread, which has other work until long after the script has ended. */
function streaming(script: string, logs: string): string {
  const [stream, search] = ["../../../build/stream.mjs", "../../leaks/search.mjs"].map(
    (path) => new URL(path, import.meta.url).href,
  );
  return `
    import { pbkdf2 } from "node:crypto";
    import { findLeaksIn } from "${search}";
    import { stream } from "${stream}";
    pbkdf2("", "", 1_000_000, 32, "sha256", () => {});
    const outcome = await stream("sh", ["-c", ${JSON.stringify(script)}], "${logs}/the.log").then(
      () => "done",
      (error) => error.message,
    );
    const leaks = findLeaksIn("${logs}").map(({ name }) => name);
    console.log(JSON.stringify({ outcome, leaks }));`;
}
