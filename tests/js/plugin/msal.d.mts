export function cachePluginsOf(
  plugin: (context: unknown) => void,
  persistence?: object,
): [PromiseLike<CachePlugin>, PromiseLike<CachePlugin>];

export interface CachePlugin {
  beforeCacheAccess(context: object): Promise<void>;
  afterCacheAccess(context: object): Promise<void>;
}

export class App {
  constructor(cachePlugin: CachePlugin, clientId?: string);
  signIn(user: string): Promise<void>;
  refresh(user: string): Promise<boolean>;
  token(user: string): Promise<string>;
  signOut(user: string): Promise<void>;
  accounts(): Promise<{ username: string; homeAccountId: string }[]>;
  users(): Promise<string[]>;
  sections(): Promise<Record<string, Record<string, { home_account_id?: string; secret?: string }>>>;
}
