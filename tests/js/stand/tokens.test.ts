// The stand-in's tokens and errors, looked at without any of the project's own code: JOSE, plain fetches, @azure/identity.
import assert from "node:assert/strict";
import { Agent, request } from "node:https";
import { after, before, beforeEach, test } from "node:test";
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose";
import { alice, bruno, drone, robot } from "../../stand/directory.ts";
import { type Entra, startEntra } from "../../stand/entra.ts";
import { identity } from "../../stand/identity.ts";
import { refusals } from "../../stand/refusal.ts";

const arm = "https://management.azure.com";
const tokenPath = `/${robot.tenantId}/oauth2/v2.0/token`;

let entra: Entra;
before(async () => {
  entra = await startEntra();
});
after(() => entra.close());
beforeEach(() => {
  entra.control.calm();
  entra.forgetRequests();
});

test("a token verifies against the published key, with the claims of its holder", async () => {
  const keys = JSON.parse((await get(`/${robot.tenantId}/discovery/v2.0/keys`)).body) as JSONWebKeySet;
  const { access_token } = JSON.parse((await post(tokenPath, secretGrant())).body);
  const { payload } = await jwtVerify(access_token, createLocalJWKSet(keys), {
    audience: arm,
    issuer: `https://sts.windows.net/${robot.tenantId}/`,
    algorithms: ["RS256"],
  });
  assert.equal(payload["oid"], robot.objectId);
  assert.equal(payload["tid"], robot.tenantId);
  assert.equal(payload["appid"], robot.appId);
});

test("no two tokens have the same uti, and the ledger lists each without the token", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(tokenPath, secretGrant())));
  const tokens = answers.map(({ body }) => JSON.parse(body).access_token as string);
  assert.equal(new Set(tokens.map((token) => decodeJwt(token)["uti"])).size, 20);
  assert.equal(entra.requests().issued, 20);
  const written = JSON.stringify(entra.requests());
  assert.ok(tokens.every((token) => !written.includes(token)));
});

test("the resource is the scope without one /.default, or what v1 names", async () => {
  const audience = async (asked: Record<string, string>) =>
    decodeJwt(JSON.parse((await post(tokenPath, { ...secretGrant(), ...asked })).body).access_token).aud;
  assert.equal(await audience({ scope: "https://vault.azure.net/.default" }), "https://vault.azure.net");
  assert.equal(await audience({ scope: "https://vault.azure.net//.default" }), "https://vault.azure.net/");
  assert.equal(await audience({ resource: "https://vault.azure.net" }), "https://vault.azure.net");
});

test("errors have Entra's shape and numbers", async () => {
  const cases: [Record<string, string>, string, number, string, number][] = [
    [{ client_secret: "wrong" }, tokenPath, 401, "invalid_client", 7000215],
    [{ client_id: drone.appId }, tokenPath, 400, "unauthorized_client", 700016],
    [{}, "/nowhere.example/oauth2/v2.0/token", 400, "invalid_request", 90002],
    [{ scope: "" }, tokenPath, 400, "invalid_scope", 70011],
    [{ grant_type: "magic" }, tokenPath, 400, "unsupported_grant_type", 70003],
    [
      { grant_type: "password", username: alice.principalName, password: "no" },
      tokenPath,
      400,
      "invalid_grant",
      50126,
    ],
    [{ grant_type: "refresh_token", refresh_token: "1.unknown" }, tokenPath, 400, "invalid_grant", 9002313],
  ];
  for (const [change, path, status, error, aadsts] of cases) {
    const answer = await post(path, { ...secretGrant(), ...change });
    const body = JSON.parse(answer.body);
    assert.equal(answer.status, status);
    assert.equal(body.error, error);
    assert.deepEqual(body.error_codes, [aadsts]);
    assert.match(
      body.error_description,
      new RegExp(`^AADSTS${aadsts}: .+ Trace ID: \\S+ Correlation ID: \\S+ Timestamp: `),
    );
  }
});

test("throttling and unavailability carry Retry-After, and count as refused", async () => {
  const throttled = entra.control.refuse(refusals.throttled(7), { grant: "client_credentials" }, 1);
  const first = await post(tokenPath, secretGrant());
  assert.deepEqual([first.status, first.headers["retry-after"]], [429, "7"]);
  assert.equal(throttled.hits(), 1);
  entra.control.refuse(refusals.unavailable(), {}, 1);
  const second = await post(tokenPath, secretGrant());
  assert.deepEqual([second.status, second.headers["retry-after"]], [503, undefined]);
  assert.equal((await post(tokenPath, secretGrant())).status, 200);
  assert.deepEqual([entra.requests().issued, entra.requests().refused], [1, 2]);
});

test("a fault hits only the requests that it names", async () => {
  entra.control.refuse(refusals.resourceNotFound("https://vault.azure.net", "Contoso"), {
    resource: "https://vault.azure.net",
  });
  assert.equal((await post(tokenPath, secretGrant())).status, 200);
  const vault = await post(tokenPath, { ...secretGrant(), scope: "https://vault.azure.net/.default" });
  assert.deepEqual(JSON.parse(vault.body).error_codes, [500011]);
});

test("held requests wait until they are released", { timeout: 30_000 }, async () => {
  const hold = entra.control.hold({ path: "/token" });
  const answers = [post(tokenPath, secretGrant()), post(tokenPath, secretGrant())];
  await hold.arrived(2);
  assert.equal(entra.requests().token, 0);
  hold.release();
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200],
  );
});

test("an outage refuses connections, and the same address serves again after it", async () => {
  await entra.outage();
  await assert.rejects(post(tokenPath, secretGrant()), { code: "ECONNREFUSED" });
  await entra.restore();
  assert.equal((await post(tokenPath, secretGrant())).status, 200);
});

test("a cut connection and a reply that is no JSON", async () => {
  entra.control.fail({ kind: "reset" }, {}, 1);
  await assert.rejects(post(tokenPath, secretGrant()), { code: "ECONNRESET" });
  entra.control.fail({ kind: "reply", status: 502, body: "<html>Bad Gateway</html>" }, {}, 1);
  const { status, body } = await post(tokenPath, secretGrant());
  assert.deepEqual([status, body], [502, "<html>Bad Gateway</html>"]);
});

test("lifetime and refresh_in are as set", async () => {
  const before = entra.control.token;
  entra.control.token = { lifetimeSeconds: 86_400, refreshInSeconds: 43_200, claims: {} };
  const body = JSON.parse((await post(tokenPath, secretGrant())).body);
  entra.control.token = before;
  assert.deepEqual([body.expires_in, body.refresh_in], [86_400, 43_200]);
});

test("a refresh token works in the tenants that know its user, until the session is revoked", async () => {
  const signIn = {
    grant_type: "password",
    client_id: "client",
    username: alice.principalName,
    password: alice.password,
  };
  const scope = `${arm}/.default offline_access openid`;
  const login = JSON.parse((await post("/organizations/oauth2/v2.0/token", { ...signIn, scope })).body);
  assert.equal(decodeJwt(login.id_token)["preferred_username"], alice.principalName);
  const refresh = (tenant: string) =>
    post(`/${tenant}/oauth2/v2.0/token`, {
      grant_type: "refresh_token",
      client_id: "client",
      refresh_token: login.refresh_token,
      scope,
    });
  const guest = JSON.parse((await refresh(drone.tenantId)).body);
  assert.equal(decodeJwt(guest.access_token)["oid"], alice.guestOf[0]?.objectId);
  entra.control.revoke(alice);
  assert.deepEqual(JSON.parse((await refresh(alice.tenantId)).body).error_codes, [50173]);
});

test("a stranger gets no token of another tenant", async () => {
  const body = {
    grant_type: "password",
    client_id: "c",
    username: bruno.principalName,
    password: bruno.password,
  };
  const answer = await post(`/${drone.tenantId}/oauth2/v2.0/token`, { ...body, scope: `${arm}/.default` });
  assert.deepEqual(JSON.parse(answer.body).error_codes, [50020]);
});

test("a device code is pending until someone signs in, and is redeemed once", async () => {
  const start = JSON.parse(
    (await post(`/${alice.tenantId}/oauth2/v2.0/devicecode`, { client_id: "c", scope: `${arm}/.default` }))
      .body,
  );
  const poll = () =>
    post(`/${alice.tenantId}/oauth2/v2.0/token`, {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      client_id: "c",
      device_code: start.device_code,
    });
  assert.equal(JSON.parse((await poll()).body).error, "authorization_pending");
  entra.approveDeviceCodes(alice);
  assert.equal(decodeJwt(JSON.parse((await poll()).body).access_token)["oid"], alice.objectId);
  assert.deepEqual(JSON.parse((await poll()).body).error_codes, [54005]);
});

test("an authorization code needs its verifier, and works once", async () => {
  entra.control.signedIn = bruno;
  const query = new URLSearchParams({
    client_id: "c",
    redirect_uri: "http://localhost:1/",
    response_type: "code",
    scope: `${arm}/.default`,
    state: "st&te",
    code_challenge_method: "S256",
    // The S256 challenge of RFC 7636, appendix B.
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  });
  const visit = async () => {
    const { headers } = await get(`/${bruno.tenantId}/oauth2/v2.0/authorize?${query}`);
    return new URL(String(headers["location"])).searchParams;
  };
  const redeem = (code: string, verifier: string) =>
    post(`/${bruno.tenantId}/oauth2/v2.0/token`, {
      grant_type: "authorization_code",
      client_id: "c",
      code,
      code_verifier: verifier,
    });
  const answer = await visit();
  assert.equal(answer.get("state"), "st&te");
  const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const token = JSON.parse((await redeem(answer.get("code") ?? "", verifier)).body).access_token;
  assert.equal(decodeJwt(token)["oid"], bruno.objectId);
  assert.deepEqual(JSON.parse((await redeem(answer.get("code") ?? "", verifier)).body).error_codes, [54005]);
  const wrong = (await visit()).get("code") ?? "";
  assert.deepEqual(JSON.parse((await redeem(wrong, "another verifier")).body).error_codes, [501481]);
  entra.control.signedIn = undefined;
});

test("the resource server takes good tokens, and answers a challenge until a token meets it", async () => {
  const challenge = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
  const bearer = async (claims?: string) => {
    const grant = claims === undefined ? secretGrant() : { ...secretGrant(), claims };
    return `Bearer ${JSON.parse((await post(tokenPath, grant)).body).access_token}`;
  };
  assert.equal((await get("/api/me")).status, 401);
  assert.equal((await get("/api/me", `${await bearer()}x`)).status, 401);
  assert.equal(JSON.parse((await get("/api/me", await bearer())).body).objectId, robot.objectId);
  entra.control.challenge = challenge;
  const refused = await get("/api/me", await bearer());
  assert.equal(refused.status, 401);
  const encoded = /claims="([^"]+)"/.exec(String(refused.headers["www-authenticate"]))?.[1] ?? "";
  assert.equal(Buffer.from(encoded, "base64").toString(), challenge);
  assert.equal((await get("/api/me", await bearer(challenge))).status, 200);
  entra.control.challenge = undefined;
});

test("@azure/identity's credentials get tokens", async () => {
  const options = { authorityHost: entra.url, disableInstanceDiscovery: true, tlsOptions: { ca: entra.ca } };
  const scope = `${arm}/.default`;
  const secret = new identity.ClientSecretCredential(robot.tenantId, robot.appId, robot.secret, options);
  const assertion = new identity.ClientAssertionCredential(
    robot.tenantId,
    robot.appId,
    async () => `x.${Buffer.from(JSON.stringify({ sub: robot.appId })).toString("base64url")}.x`,
    options,
  );
  const device = new identity.DeviceCodeCredential({
    ...options,
    tenantId: alice.tenantId,
    userPromptCallback: () => entra.approveDeviceCodes(alice),
  });
  assert.equal(await holder(secret.getToken(scope)), robot.objectId);
  assert.equal(await holder(assertion.getToken(scope)), robot.objectId);
  assert.equal(await holder(device.getToken(scope)), alice.objectId);
  const userAssertionToken = (await device.getToken(`api://${robot.appId}/.default`)).token;
  const behalf = new identity.OnBehalfOfCredential({
    ...options,
    tenantId: robot.tenantId,
    clientId: robot.appId,
    clientSecret: robot.secret,
    userAssertionToken,
  });
  assert.equal(await holder(behalf.getToken(scope)), alice.objectId);
  assert.deepEqual(entra.requests().byGrant, {
    client_credentials: 2,
    device_code: 1,
    refresh_token: 1,
    on_behalf_of: 1,
  });
});

test("@azure/identity shows the stand-in's refusal with its AADSTS number", async () => {
  const options = { authorityHost: entra.url, disableInstanceDiscovery: true, tlsOptions: { ca: entra.ca } };
  const credential = new identity.ClientSecretCredential(robot.tenantId, robot.appId, "wrong", options);
  await assert.rejects(credential.getToken(`${arm}/.default`), /AADSTS7000215/);
});

async function holder(token: Promise<{ token: string } | null>): Promise<unknown> {
  return decodeJwt((await token)?.token ?? "")["oid"];
}

function secretGrant(): Record<string, string> {
  return {
    grant_type: "client_credentials",
    client_id: robot.appId,
    client_secret: robot.secret,
    scope: `${arm}/.default`,
  };
}

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

const post = (path: string, form: Record<string, string>) =>
  send(
    "POST",
    path,
    { "content-type": "application/x-www-form-urlencoded" },
    new URLSearchParams(form).toString(),
  );

const get = (path: string, authorization?: string) =>
  send("GET", path, authorization === undefined ? {} : { authorization });

function send(method: string, path: string, headers: Record<string, string>, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ ca: entra.ca });
    const outgoing = request(`${entra.url}${path}`, { method, headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
      response.once("error", reject);
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
