// The @azure/identity that is tested under this Node: the newest, or the last one for Node 20.
type Identity = typeof import("@azure/identity");

const isNewestPossible = Number(process.versions.node.split(".")[0]) >= 22;

export const identity: Identity = isNewestPossible
  ? ((await import("identity-newest")) as unknown as Identity)
  : await import("@azure/identity");
