// A token for the application that a stand-in program is logged in as, asked of the stand; its error is Entra's text.
import { request } from "node:https";

export async function tokenFor({ authority, clientId, secret, tenantId }, scope, tenant = tenantId) {
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: secret,
    scope,
  });
  const answer = await post(`${authority}/${tenant}/oauth2/v2.0/token`, form.toString());
  if (answer.access_token === undefined) throw new Error(answer.error_description);
  return { token: answer.access_token, expiresOn: new Date(Date.now() + answer.expires_in * 1000) };
}

function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const outgoing = request(url, { method: "POST", headers }, async (response) => {
      let text = "";
      for await (const part of response.setEncoding("utf8")) text += part;
      try {
        resolve(JSON.parse(text));
      } catch (error) {
        reject(error);
      }
    });
    outgoing.once("error", reject);
    outgoing.end(body);
  });
}
