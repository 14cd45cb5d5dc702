// Times every credential of the support table in a process whose environment has their stand: wrapped, and as they are.
import { withTokenCache } from "azure-token-cache";
import { recognise } from "../../../node/ts/kinds.ts";
import { rows, titleOf } from "../../js/support/rows.ts";
import { identity } from "../../stand/identity.ts";
import { report } from "../child.mjs";
import { interleave, loopOf } from "../interleave.mjs";
import { after, benchScope, source } from "../sources.mjs";

/** Each with loops of its own: what the compiler makes of a loop differs by more than the kinds do. */
const passes = 4;
const rounds = 61;
/** What seems slower than a plain hit by more than this is timed again, as another instance: where one lies in memory is 5 %. */
const doubtful = 1.02;
const passesOfTwo = 8;
const bareRounds = 15;
/** Of calls that start processes. */
const startRounds = 3;
/** After this long the files of a login are settled: their contents are no longer read on every call. */
const settleMs = 2600;

const plain = "a plain hit";
const given = JSON.parse(process.argv[2]);
// App Service's machine needs a process of its own, and its wrapper is that of the other managed identities.
const measured = rows.filter((row) => row.machine === undefined);

const credentials = await wrapped();
const hits = await bestOf(Object.keys(credentials), passes);
const own = Object.fromEntries(await inTurn(measured, async (row) => [titleOf(row), await ownCall(row)]));
const [watched, fixed] = [measured.filter(isWatched), measured.filter((row) => !isWatched(row))];

report({
  values: {
    "kinds.slowest": Math.max(...(await inTurn(fixed, besidePlain))),
    "kinds.slowestWatched": Math.max(...watched.map((row) => hits[titleOf(row)])) / 1000,
  },
  table: { title: "Nanoseconds a hit of each wrapped credential", cells: hits },
  also: [{ title: "Microseconds of the class's own second call", cells: own }],
});

/** Each holds its token, and the files of logins are settled. */
async function wrapped() {
  const credentials = { [plain]: withTokenCache(source(), { identity: "fixed" }) };
  await credentials[plain].getToken(benchScope);
  for (const row of measured) credentials[titleOf(row)] = await holding(row, given.wrapped);
  await after(settleMs);
  return credentials;
}

async function holding(row, from) {
  const credential = withTokenCache(create(row, from));
  await within(row, from, () => credential.getToken(benchScope));
  return credential;
}

/** Nanoseconds a hit, of the best round: of so many, something always holds one up. */
async function bestOf(names, passes) {
  const inLoops = () => names.map((name) => subjectOf(name, credentials[name]));
  const timings = await inTurn(Array.from({ length: passes }, inLoops), (subjects) =>
    interleave(subjects, { rounds }),
  );
  const best = (name) => Math.min(...timings.map((pass) => pass.leastNs(name)));
  return Object.fromEntries(names.map((name) => [name, best(name)]));
}

async function besidePlain(row) {
  const title = titleOf(row);
  const ratio = hits[title] / hits[plain];
  if (ratio <= doubtful) return ratio;
  credentials[title] = await holding(row, given.again);
  const again = await bestOf([plain, title], passesOfTwo);
  return Math.min(ratio, again[title] / again[plain]);
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
