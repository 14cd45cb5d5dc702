// A page in the real Chromium that runs one script, over HTTP from this machine.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** The first line that the script prints; throws what the page throws. `format` says whether it is a module. */
export async function printedInChromium(
  folder: string,
  script: string,
  format: "esm" | "iife",
): Promise<string> {
  const type = format === "esm" ? ' type="module"' : "";
  const server = await serve(
    `<!doctype html><script${type} src="/script.js"></script>`,
    join(folder, script),
  );
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Tests run as root, and in containers whose /dev/shm is small.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  try {
    const page = await browser.newPage();
    const printed = new Promise<string>((resolve, reject) => {
      page.on("console", (message) => resolve(message.text()));
      page.on("pageerror", reject);
    });
    const { port } = server.address() as AddressInfo;
    const [line] = await Promise.all([printed, page.goto(`http://127.0.0.1:${port}/`)]);
    return line;
  } finally {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function serve(page: string, script: string): Promise<Server> {
  const server = createServer(({ url }, response) => {
    if (url === "/") response.setHeader("content-type", "text/html").end(page);
    else if (url === "/script.js")
      response.setHeader("content-type", "text/javascript").end(readFileSync(script));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
