// PowerShell with Az.Accounts, as far as credentials use them: `/?`, and `-Command` with a script around Get-AzAccessToken.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { tokenFor } from "./token.mjs";

const [first] = process.argv.slice(2);

if (first === "/?") process.stdout.write("Usage: pwsh[.exe] [-Login] [[-File] <filePath> [args]]\n");
else {
  try {
    process.stdout.write(await run(command()));
  } catch (error) {
    process.stderr.write(`Get-AzAccessToken: ${error.message}\n`);
    process.exitCode = 1;
  }
}

function command() {
  const expected = ["-NoProfile", "-NonInteractive", "-Command"];
  const given = process.argv.slice(2);
  if (expected.some((flag, index) => given[index] !== flag) || given.length !== 4)
    throw new Error(`The argument '${first}' is not recognized as the name of a script file.`);
  return given[3];
}

async function run(script) {
  if (!script.includes("Import-Module Az.Accounts") || !script.includes("Get-AzAccessToken @params"))
    throw new Error("The script is not the one of AzurePowerShellCredential.");
  const context = selectedContext();
  if (context === undefined) throw new Error("Run Connect-AzAccount to login.");
  const { resource, tenant } = parametersOf(script);
  const { token, expiresOn } = await tokenFor(context, `${resource}/.default`, tenant || undefined);
  // As ConvertTo-Json writes a DateTimeOffset.
  const told = { ExpiresOn: expiresOn.toISOString().replace("Z", "+00:00"), Token: token };
  return `${JSON.stringify(told, undefined, 2)}\n`;
}

/** Variables of the environment, or, up to 4.13 of @azure/identity, texts in the script. */
function parametersOf(script) {
  const of = (variable, pattern) =>
    script.includes(`$env:${variable}`) ? process.env[variable] : pattern.exec(script)?.[1];
  return {
    resource: of("AZURE_IDENTITY_POWERSHELL_RESOURCE", /ResourceUrl = "([^"]*)"/),
    tenant: of("AZURE_IDENTITY_POWERSHELL_TENANT_ID", /\$tenantId = "([^"]*)"/),
  };
}

function selectedContext() {
  const path = join(homedir(), ".Azure", "AzureRmContext.json");
  let file;
  try {
    file = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
  const context = file.Contexts?.[file.DefaultContextKey];
  return (
    context && {
      authority: context.Environment.ActiveDirectoryAuthority,
      clientId: context.Account.Id,
      secret: context.Account.ExtendedProperties.ServicePrincipalSecret,
      tenantId: context.Tenant.Id,
    }
  );
}
