// MSAL for Node itself, with the plugin for its cache and a network that answers every refresh token with its user's next one.
import { randomUUID } from "node:crypto";
import { PublicClientApplication } from "@azure/msal-node";

const host = "login.example";
const authority = `https://${host}/tenant`;
const scopes = ["https://storage.azure.com/.default"];

/** What `@azure/identity` does with the plugin: asks for the two caches of one credential. */
export function cachePluginsOf(plugin, persistence = { enabled: true }) {
  let provide;
  plugin({ cachePluginControl: { setPersistence: (provider) => (provide = provider) } });
  return [
    provide({ name: "msal.cache.nocae", ...persistence }),
    provide({ name: "msal.cache.cae", ...persistence }),
  ];
}

/** An application that is signed in to over `cachePlugin`. */
export class App {
  #app;

  constructor(cachePlugin, clientId = "11111111-2222-4333-8444-555555555555") {
    this.#app = new PublicClientApplication({
      auth: { clientId, authority, knownAuthorities: [host] },
      system: { networkClient: network },
      cache: { cachePlugin },
    });
  }

  /** As a browser or a device code would. */
  async signIn(user) {
    await this.#app.acquireTokenByRefreshToken({ refreshToken: user, scopes, forceCache: true });
  }

  /** A new token for somebody who is signed in; whether there was one. */
  async refresh(user) {
    const account = (await this.accounts()).find(({ username }) => username === user);
    if (account === undefined) return false;
    return this.#app.acquireTokenSilent({ account, scopes, forceRefresh: true }).then(
      () => true,
      () => false,
    );
  }

  /** The token of somebody who is signed in, without a request if there is one. */
  async token(user) {
    const account = (await this.accounts()).find(({ username }) => username === user);
    return (await this.#app.acquireTokenSilent({ account, scopes })).accessToken;
  }

  async signOut(user) {
    const accounts = (await this.accounts()).filter(({ username }) => username === user);
    for (const account of accounts) await this.#app.getTokenCache().removeAccount(account);
  }

  async accounts() {
    return this.#app.getTokenCache().getAllAccounts();
  }

  async users() {
    return (await this.accounts()).map(({ username }) => username).sort();
  }

  /** What is in the cache, by section. */
  async sections() {
    await this.accounts();
    return JSON.parse(this.#app.getTokenCache().serialize());
  }
}

const network = {
  async sendGetRequestAsync() {
    const endpoint = (name) => `${authority}/oauth2/v2.0/${name}`;
    return answer({
      issuer: `${authority}/v2.0`,
      authorization_endpoint: endpoint("authorize"),
      token_endpoint: endpoint("token"),
      end_session_endpoint: endpoint("logout"),
      jwks_uri: endpoint("keys"),
    });
  },

  async sendPostRequestAsync(_url, { body }) {
    const user = new URLSearchParams(body).get("refresh_token").split("#")[0];
    const idToken = { iss: authority, tid: "tenant", oid: user, preferred_username: user, uti: randomUUID() };
    return answer({
      token_type: "Bearer",
      scope: scopes.join(" "),
      expires_in: 3600,
      ext_expires_in: 3600,
      access_token: `CANARY-access-${user}-${randomUUID()}`,
      refresh_token: `${user}#CANARY-refresh-${randomUUID()}`,
      id_token: `${encoded({ alg: "none" })}.${encoded(idToken)}.`,
      client_info: encoded({ uid: user, utid: "tenant" }),
    });
  },
};

function answer(body) {
  return { status: 200, headers: {}, body };
}

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
