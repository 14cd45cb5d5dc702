// A request as the stand's handlers see it, a reply as they return it, and the way of both through node:http.
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  header(name: string): string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes as JSON, a string as it is. */
  readonly body?: object | string;
}

/** What can happen to a request instead of a reply. */
export type Fate = Reply | "reset" | "silence";

export function listener(answer: (call: Call) => Promise<Fate>): RequestListener {
  return (request, response) => {
    // A stand whose handler throws must show it to the test that asked, not only in a log.
    serve(request, response, answer).catch((error: unknown) => {
      if (!response.headersSent) send(response, { status: 500, body: `stand: ${String(error)}` });
      else response.destroy();
    });
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (call: Call) => Promise<Fate>,
) {
  const url = new URL(request.url ?? "/", "http://stand");
  const body = await read(request);
  const fate = await answer({
    method: request.method ?? "GET",
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    form: new URLSearchParams(body),
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value[0] : value;
    },
  });
  if (fate === "silence") return;
  if (fate === "reset") request.socket.destroy();
  else send(response, fate);
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, headers, body }: Reply) {
  const type = typeof body === "string" ? "text/html; charset=utf-8" : "application/json; charset=utf-8";
  response.writeHead(status, { "content-type": type, "cache-control": "no-store, no-cache", ...headers });
  response.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
}
