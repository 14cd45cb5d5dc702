// Whose tokens a credential gets, in place of `partitions.ts`: loaded where it is asked. Only stores ask, and not of every credential.
import { pathOf, readPackageFile, requireFrom } from "../package-files.ts";
import type * as partitions from "../partition/partition.ts";

let loaded: typeof partitions | undefined;

function loadedOnce(): typeof partitions {
  loaded ??= readPackageFile(
    "partitions.cjs",
    () => pathOf(new URL("./partitions.cjs", import.meta.url)),
    (path) => requireFrom(path)(path) as typeof partitions,
  );
  return loaded;
}

export const partitionOf: typeof partitions.partitionOf = (credential) =>
  loadedOnce().partitionOf(credential);
export const partitionOfCli: typeof partitions.partitionOfCli = (needs) => loadedOnce().partitionOfCli(needs);
