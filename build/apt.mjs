// Debian packages: installed only by root or in CI; otherwise the command to run is the error.
import { run } from "./command.mjs";
import { Failure } from "./failure.mjs";

export function installDebianPackages(packages, why) {
  const command = `apt-get install --yes --no-install-recommends ${packages.join(" ")}`;
  const asRoot = process.getuid?.() === 0;
  if (!asRoot && process.env.CI !== "true") throw new Failure(`${why} Install it with: sudo ${command}`);
  const [program, ...prefix] = asRoot ? ["apt-get"] : ["sudo", "--non-interactive", "apt-get"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  run(program, [...prefix, "update"], { env });
  run(program, [...prefix, ...command.split(" ").slice(1)], { env });
}
