// Each yes of the support table, with the real class of @azure/identity at the stand: for many callers at once, in memory, and
// for another process.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { identity } from "../../stand/identity.ts";
import type { Order } from "./credentials.subject.ts";
import { type Cost, crowd, type Row, rows, titleOf } from "./rows.ts";
import { Stage } from "./stage.ts";

const limits = { timeout: 300_000 };
const nothing: Cost = { requests: 0, processes: 0 };

/** Signs in with a helper of Visual Studio Code, which only runs beside it. */
const notInTheTable = ["VisualStudioCodeCredential"];

let stage: Stage;
before(async () => {
  stage = await Stage.create();
});
after(() => stage[Symbol.asyncDispose]());

test("the table has every credential class", () => {
  const classes = Object.entries(identity).filter(
    ([, value]) => typeof value === "function" && "getToken" in (value.prototype ?? {}),
  );
  const named = new Set([...rows.map(({ name }) => name), ...notInTheTable]);
  assert.deepEqual(classes.map(([name]) => name).sort(), [...named].sort());
});

for (const row of rows) {
  const title = titleOf(row);

  test(`${title}: as it is, each of ${crowd} callers costs a call`, limits, async () => {
    const given = await order(row, "crowd");
    // One alone: how the tool's processes wait for each other at its cache is not asked here.
    if (row.toolCaches) await first(row).obey({ ...given, deed: "call" });
    const { answer, cost } = await stage.costInStep(crowd, () => first(row).obey(given));
    const requests = row.toolCaches ? 0 : row.cost.requests;
    assert.deepEqual(cost, { requests: requests * crowd, processes: row.cost.processes * crowd });
    const answered = row.single ? 1 : crowd;
    assert.deepEqual([answer.tokens.length, answer.errors.length], [answered, crowd - answered]);
  });

  test(`${title}: with a cache they cost one call, and those that follow nothing`, limits, async () => {
    const given = await order(row, "crowd with a cache");
    const all = await stage.costOf(() => first(row).obey(given));
    assert.deepEqual(all.cost, row.cost);
    assert.deepEqual([all.answer.tokens.length, new Set(all.answer.tokens).size], [crowd, 1]);
    const next = await stage.costOf(() => first(row).obey({ ...given, deed: "call again" }));
    assert.deepEqual(next, { cost: nothing, answer: { tokens: all.answer.tokens.slice(0, 1), errors: [] } });
  });

  test(`${title}: another process has the token at once`, limits, async () => {
    const own = await order(row, "fetch for a store");
    const given = row.partition ? { ...own, partition: "contoso's" } : own;
    const fetched = await stage.costOf(() => first(row).obey(given));
    assert.deepEqual([fetched.answer.errors, fetched.cost], [[], row.cost]);
    const loaded = await stage.costOf(() => second(row).obey({ ...given, deed: "call with a store" }));
    assert.deepEqual(loaded, { cost: nothing, answer: fetched.answer });
  });

  if (row.partition)
    test(`${title}: without a partition no store is taken`, limits, async () => {
      const { errors } = await first(row).obey(await order(row, "wrap with a store"));
      assert.deepEqual(errors, [{ name: "OptionError", option: "partition" }]);
    });
}

const first = ({ machine }: Row) => stage.process(`first ${machine ?? ""}`);
const second = ({ machine }: Row) => stage.process(`second ${machine ?? ""}`);

/** Of a scope that nobody has asked for: MSAL keeps a machine's tokens for the whole process. */
async function order(row: Row, deed: Order["deed"]): Promise<Order> {
  const resource = `${titleOf(row)} ${deed}`.toLowerCase().replaceAll(/\W+/g, "-");
  return {
    row: titleOf(row),
    given: await stage.given(),
    scope: `https://${resource}.example/.default`,
    deed,
  };
}
