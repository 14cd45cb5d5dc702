// A network namespace that has a loopback interface and nothing else.
import { outputOf } from "./command.mjs";
import { Failure } from "./failure.mjs";

const loopbackUp = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

/** The command line that runs `command` in a fresh namespace; throws a `Failure` where the kernel allows none. */
export function inNamespace(command) {
  for (const unshare of candidates()) {
    const [program, ...args] = [...unshare, ...loopbackUp];
    if (outputOf(program, [...args, "true"]) !== undefined) return [program, ...args, ...command];
  }
  throw new Failure(
    "The tests run in a network namespace, and this machine allows none: run them as root, or allow unprivileged user " +
      "namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0).",
  );
}

/** Root needs no user namespace, which would also hide the kernel keyring. */
function candidates() {
  const asUser = ["unshare", "--user", "--map-root-user", "--net", "--"];
  return process.getuid?.() === 0 ? [["unshare", "--net", "--"], asUser] : [asUser];
}
