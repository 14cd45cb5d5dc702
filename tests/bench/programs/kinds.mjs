// Times every credential of the support table in a process whose environment has their stand: wrapped, and as they are.
import { withTokenCache } from "azure-token-cache";
import { recognise } from "../../../node/ts/kinds.ts";
import { rows, titleOf } from "../../js/support/rows.ts";
import { identity } from "../../stand/identity.ts";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
import { after, benchScope, source } from "../sources.mjs";

/** Each with loops of its own: what the compiler makes of a loop differs by more than the kinds do. */
const passes = 5;
const rounds = 61;
const bareRounds = 15;
/** Of calls that start processes. */
const startRounds = 3;
/** After this long the files of a login are settled: their contents are no longer read on every call. */
const settleMs = 2600;

const plain = "a plain hit";
const given = JSON.parse(process.argv[2]);
// App Service's machine needs a process of its own, and its wrapper is that of the other managed identities.
const measured = rows.filter((row) => row.machine === undefined);

const hits = await timeHits();
const own = Object.fromEntries(await inTurn(measured, async (row) => [titleOf(row), await ownCall(row)]));
const [watched, fixed] = [measured.filter(isWatched), measured.filter((row) => !isWatched(row))];

report({
  values: {
    "kinds.slowest": slowest(fixed) / hits[plain],
    "kinds.slowestWatched": slowest(watched) / 1000,
  },
  table: { title: "Nanoseconds a hit of each wrapped credential", cells: hits },
  also: [{ title: "Microseconds of the class's own second call", cells: own }],
});

async function timeHits() {
  const credentials = { [plain]: withTokenCache(source(), { identity: "fixed" }) };
  for (const row of measured) {
    const credential = withTokenCache(create(row, given.wrapped));
    await within(row, given.wrapped, () => credential.getToken(benchScope));
    credentials[titleOf(row)] = credential;
  }
  await after(settleMs);
  const names = Object.keys(credentials);
  const inLoops = () => names.map((name) => subjectOf(name, credentials[name]));
  const timings = await inTurn(Array.from({ length: passes }, inLoops), (subjects) =>
    interleave(subjects, { rounds }),
  );
  // Of so many, one is always held up by something: the best round is what its code costs.
  const best = (name) => Math.min(...timings.map((pass) => pass.leastNs(name)));
  return Object.fromEntries(names.map((name) => [name, best(name)]));
}

function slowest(some) {
  return Math.max(...some.map((row) => hits[titleOf(row)]));
}

/** In microseconds; of one that keeps no token it is a fetch. */
async function ownCall(row) {
  return within(row, given.bare, async () => {
    const subject = subjectOf(titleOf(row), row.create(identity, given.bare));
    await subject.run(1);
    const startsProcesses = row.cost.processes > 0 && !row.name.includes("Browser");
    const timings = await interleave([subject], { rounds: startsProcesses ? startRounds : bareRounds });
    return timings.ns(subject.name) / 1000;
  });
}

function subjectOf(name, credential) {
  return { name, run: loopOf("credential.getToken(scope)", { credential, scope: benchScope }) };
}

function create(row, from) {
  return within(row, from, () => row.create(identity, from));
}

function isWatched(row) {
  return recognise(create(row, given.bare))?.login !== undefined;
}

/** With the row's variables, until what it does has ended. */
function within(row, from, act) {
  const variables = row?.variables?.(from) ?? {};
  Object.assign(process.env, variables);
  const leave = () => {
    for (const name of Object.keys(variables)) delete process.env[name];
  };
  const done = act();
  if (!(done instanceof Promise)) leave();
  return done instanceof Promise ? done.finally(leave) : done;
}

async function inTurn(items, act) {
  const results = [];
  for (const item of items) results.push(await act(item));
  return results;
}
