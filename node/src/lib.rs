//! The Node addon: what wasm cannot do. Every export is optional at run time; TypeScript has a fallback for each.

mod documents;
mod engine;
mod run;
mod store;
mod store_thread;
mod watch;
