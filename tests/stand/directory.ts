// Who exists in the stand-in: tenants, people, applications, managed identities and the subscriptions that they may read.

export interface Tenant {
  readonly id: string;
  readonly domain: string;
  readonly name: string;
}

export interface User {
  readonly kind: "user";
  /** The object id in the home tenant. */
  readonly objectId: string;
  readonly tenantId: string;
  readonly principalName: string;
  readonly name: string;
  readonly password: string;
  /** The same person under another object id in a tenant that invited them. */
  readonly guestOf: readonly { readonly tenantId: string; readonly objectId: string }[];
}

export interface ServicePrincipal {
  readonly kind: "servicePrincipal";
  readonly objectId: string;
  readonly tenantId: string;
  readonly appId: string;
  readonly secret: string;
}

export interface ManagedIdentity {
  readonly kind: "managedIdentity";
  readonly objectId: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly resourceId: string;
}

export type Principal = User | ServicePrincipal | ManagedIdentity;

export interface Subscription {
  readonly id: string;
  readonly name: string;
  readonly tenantId: string;
}

export interface Directory {
  readonly tenants: readonly Tenant[];
  readonly users: readonly User[];
  readonly servicePrincipals: readonly ServicePrincipal[];
  /** The first one is the machine's system-assigned identity. */
  readonly managedIdentities: readonly ManagedIdentity[];
  readonly subscriptions: readonly Subscription[];
}

const contoso: Tenant = {
  id: "c0c0c0c0-0000-4000-8000-000000000001",
  domain: "contoso.example",
  name: "Contoso",
};
const fabrikam: Tenant = {
  id: "fabfabfa-0000-4000-8000-000000000002",
  domain: "fabrikam.example",
  name: "Fabrikam",
};

/** Equal lengths on purpose: switching between alice and bruno, or robot and drone, leaves azureProfile.json at its size. */
export const alice: User = {
  kind: "user",
  objectId: "a11ce000-0000-4000-8000-000000000011",
  tenantId: contoso.id,
  principalName: "alice@contoso.example",
  name: "Alice Abel",
  password: "correct horse",
  guestOf: [{ tenantId: fabrikam.id, objectId: "a11ce000-0000-4000-8000-0000000000f1" }],
};
export const bruno: User = {
  kind: "user",
  objectId: "b2000000-0000-4000-8000-000000000012",
  tenantId: contoso.id,
  principalName: "bruno@contoso.example",
  name: "Bruno Bach",
  password: "battery staple",
  guestOf: [],
};
export const robot: ServicePrincipal = {
  kind: "servicePrincipal",
  objectId: "2060b000-0000-4000-8000-000000000021",
  tenantId: contoso.id,
  appId: "2060b000-aaaa-4000-8000-000000000021",
  secret: "robot-secret-not-a-real-one",
};
export const drone: ServicePrincipal = {
  kind: "servicePrincipal",
  objectId: "d2000000-0000-4000-8000-000000000022",
  tenantId: fabrikam.id,
  appId: "d2000000-aaaa-4000-8000-000000000022",
  secret: "drone-secret-not-a-real-one",
};
export const machine: ManagedIdentity = {
  kind: "managedIdentity",
  objectId: "3ac41e00-0000-4000-8000-000000000031",
  tenantId: contoso.id,
  clientId: "3ac41e00-aaaa-4000-8000-000000000031",
  resourceId:
    "/subscriptions/5ab00000-0000-4000-8000-0000000000c1/resourcegroups/lab/providers/Microsoft.Compute/virtualMachines/machine",
};
export const assigned: ManagedIdentity = {
  kind: "managedIdentity",
  objectId: "a5519000-0000-4000-8000-000000000032",
  tenantId: contoso.id,
  clientId: "a5519000-aaaa-4000-8000-000000000032",
  resourceId:
    "/subscriptions/5ab00000-0000-4000-8000-0000000000c1/resourcegroups/lab/providers/Microsoft.ManagedIdentity/userAssignedIdentities/assigned",
};

/** Two tenants, two people (one a guest in the other tenant), an application in each, a machine, three subscriptions. */
export function defaultDirectory(): Directory {
  return {
    tenants: [contoso, fabrikam],
    users: [alice, bruno],
    servicePrincipals: [robot, drone],
    managedIdentities: [machine, assigned],
    subscriptions: [
      { id: "5ab00000-0000-4000-8000-0000000000c1", name: "Contoso Dev", tenantId: contoso.id },
      { id: "5ab00000-0000-4000-8000-0000000000c2", name: "Contoso Ops", tenantId: contoso.id },
      { id: "5ab00000-0000-4000-8000-0000000000f1", name: "Fabrikam 01", tenantId: fabrikam.id },
    ],
  };
}

/** The tenant that a path names by id, by domain, or as the caller's own (`common`, `organizations`). */
export function tenantNamed(directory: Directory, name: string, home?: string): Tenant | undefined {
  const wanted = ["common", "organizations"].includes(name) ? home : name.toLowerCase();
  return directory.tenants.find((tenant) => tenant.id === wanted || tenant.domain === wanted);
}

/** The object id that a principal has in a tenant; undefined where it is a stranger. */
export function objectIdIn(principal: Principal, tenantId: string): string | undefined {
  if (principal.tenantId === tenantId) return principal.objectId;
  if (principal.kind !== "user") return undefined;
  return principal.guestOf.find((guest) => guest.tenantId === tenantId)?.objectId;
}

export function principalWith(directory: Directory, objectId: string): Principal | undefined {
  const all: Principal[] = [
    ...directory.users,
    ...directory.servicePrincipals,
    ...directory.managedIdentities,
  ];
  return all.find((principal) =>
    directory.tenants.some((tenant) => objectIdIn(principal, tenant.id) === objectId),
  );
}
