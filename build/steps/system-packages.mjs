// Steps: Debian packages for the programs that the build, the tests and the benches start.
import { installDebianPackages } from "../apt.mjs";
import { outputOf } from "../command.mjs";

/** A probe that succeeds where the package is not needed. */
const needs = [
  { package: "gcc", probe: ["cc", "--version"] },
  {
    package: "libc6-dev",
    probe: ["sh", "-c", "echo '#include <stdlib.h>' | cc -E - -o /dev/null && echo found"],
  },
  { package: "python3", probe: ["python3", "--version"] },
  { package: "python3-venv", probe: ["python3", "-c", "import venv, ensurepip"] },
  { package: "iproute2", probe: ["ip", "-V"] },
  { package: "util-linux", probe: ["unshare", "--version"] },
  { package: "dbus", probe: ["sh", "-c", "dbus-daemon --version && command -v dbus-send"] },
  { package: "chromium", probe: ["/usr/bin/chromium", "--version"] },
  { package: "redis-server", probe: ["sh", "-c", "redis-server --version && redis-cli --version"] },
  { package: "gnome-keyring", probe: ["gnome-keyring-daemon", "--version"] },
  { package: "bindfs", probe: ["bindfs", "--version"] },
  { package: "zsh", probe: ["zsh", "--version"] },
  { package: "fish", probe: ["fish", "--version"] },
];

/** For two peers of the bench that keep their tokens in a desktop's keyring; one of them by Debian's own Python. */
const peersNeeds = [
  { package: "g++", probe: ["g++", "--version"] },
  { package: "pkg-config", probe: ["pkg-config", "--version"] },
  { package: "libsecret-1-dev", probe: ["pkg-config", "--exists", "libsecret-1"] },
  { package: "python3-venv", probe: ["/usr/bin/python3", "-c", "import venv, ensurepip"] },
  { package: "python3-gi", probe: ["/usr/bin/python3", "-c", "import gi"] },
  {
    package: "gir1.2-secret-1",
    probe: ["/usr/bin/python3", "-c", "import gi; gi.require_version('Secret', '1')"],
  },
];

export const systemPackages = {
  name: "system packages",
  says: "a C linker, Python, network namespaces, a desktop's keyring, FUSE, a browser, Redis and shells, from Debian where absent",
  run: () => installMissing(needs, "The build or the tests need"),
};

export const peersPackages = {
  name: "peers' packages",
  says: "a C++ compiler and libsecret for peers that keep tokens in a desktop's keyring, from Debian where absent",
  run: () => installMissing(peersNeeds, "Peers in the bench need"),
};

function installMissing(needs, why) {
  const missing = needs.filter(({ probe: [program, ...args] }) => outputOf(program, args) === undefined);
  if (missing.length === 0) return;
  const packages = missing.map((need) => need.package);
  installDebianPackages(packages, `${why} ${packages.join(", ")}.`);
}
