// The raw engine, for a host of your own: it decides, you fetch. Numbers go in and come out.
import { Action, createEngine, Decision, Settled, Stability } from "azure-token-cache/core";

const engine = createEngine();
const now = () => [performance.now(), Date.now()];
const credential = engine.register(0, 0); // an ordinary kind, and the policy's limit of a fetch
const entry = engine.intern(
  credential,
  ["https://vault.azure.net/.default"],
  undefined,
  false,
  undefined,
  ...now(),
);

// Nothing is held: the engine asks for a fetch, and says who waits for it.
if (engine.lookup(entry, ...now()) !== Decision.Wait) throw new Error("expected to wait");
if (engine.nextAction() !== Action.Fetch) throw new Error("expected to fetch");

const expiresAt = Date.now() + 3_600_000;
const settled = engine.granted(
  engine.actionFetch(),
  expiresAt,
  Number.NaN,
  Number.NaN,
  false,
  0,
  Stability.Steady,
  ...now(),
);
if (settled !== Settled.Granted) throw new Error("expected the token to be kept");

// Inside the lease a host answers from its own memory, and does not ask.
if (engine.lookup(entry, ...now()) !== Decision.Hit) throw new Error("expected a hit");
console.log(`a lease of ${engine.until() - engine.from()} ms`);
