// A fleet: 100,000 simulated hosts with 50 tokens each, and 200 processes on a real redis-server; what both ask for, counted.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { report } from "../child.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));

// Not the release profile: the crates that a simulation spends its time in are optimised in every profile.
output("cargo", ["build", "--locked", "--quiet", "--package", "azure-token-cache-tests", "--bins"]);
const simulated = run("fleet", ["--json", "yes"]);
const real = run("fleet-run", ["--hosts", "200", "--entries", "4"]);

report({
  values: {
    "fleet.simulatedFetches": simulated.fetches - simulated.failed - simulated.periods,
    "fleet.simulatedCommands": simulated.commandsPerHostAndPeriod,
    "fleet.fetches": real.fetches - real.periods - real.leasesExpired,
    "fleet.expired": (100 * real.leasesExpired) / real.periods,
    "fleet.commands": real.commandsPerHostAndPeriod,
    "fleet.commandsOfHits": real.scriptsInBurst,
  },
  table: {
    title: "100,000 simulated hosts, 50 tokens each, 3 renewals, clocks +-30 s, 1 % of the fetches failing",
    cells: {
      "tokens that came to be shared": simulated.periods,
      "requests to the source": simulated.fetches,
      "of them failed": simulated.failed,
      "leases that expired": simulated.leasesExpired,
      "commands a host and period, mean": simulated.commandsPerHostAndPeriod,
      "commands a host and period, p99": simulated.commandsOfOne.p99,
      "commands a host and period, most": simulated.commandsOfOne.max,
      "hosts that waited for another's fetch, of a thousand":
        (1000 * simulated.leaseWaitsMs.count) / (simulated.hosts * simulated.periods),
      "their wait, p50, ms": simulated.leaseWaitsMs.p50,
      "their wait, p99, ms": simulated.leaseWaitsMs.p99,
      "their wait, longest, ms": simulated.leaseWaitsMs.max,
      "cold caller's wait, p99, ms": simulated.callerWaitsMs.p99,
      "least that a served token had left, s": simulated.leastLeftMs / 1000,
      "busiest tenth of a second later, commands": simulated.busiestTenthLater,
    },
    notes: [
      "A host that is asked and has no valid token, once it had one, ends the simulation: there is none.",
    ],
  },
  also: [
    {
      title: "200 processes on a real redis-server, 4 tokens each that live 8 to 12 s, cold and 3 renewals",
      cells: {
        "periods of all tokens": real.periods,
        "requests to the source": real.fetches,
        "leases that expired": real.leasesExpired,
        "commands a host and period": real.commandsPerHostAndPeriod,
        hits: real.asks,
        "of them in a burst": real.asksInBurst,
        "commands of the burst": real.scriptsInBurst,
        "calls without a valid token, once there was one": real.gaps,
      },
    },
  ],
});

function run(program, args) {
  return JSON.parse(output(join(root, "target", "debug", program), args));
}

function output(program, args) {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${error?.message ?? ""}${stdout}`);
  return stdout;
}
