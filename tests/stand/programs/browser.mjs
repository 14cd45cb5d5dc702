// A browser whose user is signed in: follows the sign-in page's redirect, or submits the form that it answers with.
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";

const [page] = process.argv.slice(2);
const signIn = await fetchPage(page);
if (signIn.location !== undefined) await fetchPage(signIn.location);
else await submit(signIn.text);

async function submit(html) {
  const action = unescaped(/action="([^"]*)"/.exec(html)[1]);
  const fields = [...html.matchAll(/name="([^"]*)" value="([^"]*)"/g)];
  const body = new URLSearchParams(fields.map(([, name, value]) => [name, unescaped(value)]));
  await fetchPage(action, body.toString());
}

function unescaped(text) {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

function fetchPage(url, form) {
  const request = url.startsWith("https:") ? requestSecure : requestPlain;
  const headers = form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: form === undefined ? "GET" : "POST", headers },
      async (response) => {
        let text = "";
        for await (const part of response.setEncoding("utf8")) text += part;
        resolve({ location: response.headers.location, text });
      },
    );
    outgoing.once("error", reject);
    outgoing.end(form);
  });
}
