# A worker with the package bundled as wrangler bundles it: the wasm files stay modules of their own.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (services = [(name = "main", worker = .main)]);

const main :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "core.wasm", wasm = embed "core.wasm"),
    (name = "store.wasm", wasm = embed "store.wasm"),
  ],
  compatibilityDate = "2023-01-01",
);
