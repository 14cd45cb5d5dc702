// `azd auth token`, as far as credentials use it: its arguments, its two files, its output, and its errors as JSON on stderr.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tokenFor } from "./token.mjs";

const folder = process.env.AZD_CONFIG_DIR || join(homedir(), ".azd");

try {
  const { scope, tenant } = asked();
  const { token, expiresOn } = await tokenFor(login(), scope, tenant);
  const told = { token, expiresOn: expiresOn.toISOString().replace(/\.\d+Z$/, "Z") };
  process.stdout.write(`${JSON.stringify(told, undefined, 2)}\n`);
} catch (error) {
  const message = `\nERROR: ${error.message}\n`;
  const line = { type: "consoleMessage", timestamp: new Date().toISOString(), data: { message } };
  process.stderr.write(`${JSON.stringify(line)}\n`);
  process.exitCode = 1;
}

function asked() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o" },
      "no-prompt": { type: "boolean" },
      scope: { type: "string", multiple: true },
      "tenant-id": { type: "string" },
      claims: { type: "string" },
    },
  });
  if (positionals.join(" ") !== "auth token")
    throw new Error(`unknown command "${positionals.join(" ")}" for "azd"`);
  if (values.output !== "json") throw new Error(`unsupported format '${values.output}'`);
  if (values.claims !== undefined)
    throw new Error("fetching token: reauthentication required, run `azd auth login` to log in");
  const scope = (values.scope ?? ["https://management.azure.com/.default"]).join(" ");
  return { scope, tenant: values["tenant-id"] };
}

/** Who is logged in stands in one file, what proves it in another. */
function login() {
  const user = read("auth.json")?.auth?.account?.currentUser;
  if (user === undefined) throw new Error("fetching token: not logged in, run `azd auth login` to login");
  return { ...user, ...read(join("auth", `${user.clientId}.json`)) };
}

function read(name) {
  try {
    return JSON.parse(readFileSync(join(folder, name), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
