// Makes this process trust the stand's authority where a client takes no `tlsOptions`, as NODE_EXTRA_CA_CERTS would.
import { globalAgent } from "node:https";
import { rootCertificates } from "node:tls";

/** For clients on `https.globalAgent`: in Azure's SDKs, those with `keepAliveOptions: { enable: false }`. Undone by the answer. */
export function trustGlobally(ca: string): () => void {
  const before = globalAgent.options.ca;
  globalAgent.options.ca = [...rootCertificates, ca];
  return () => {
    globalAgent.options.ca = before;
  };
}
