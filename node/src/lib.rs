//! The Node addon: what wasm cannot do. Every export is optional at run time; TypeScript has a fallback for each.

#[cfg(feature = "engine")]
mod engine;
mod run;
mod store;
mod watch;
