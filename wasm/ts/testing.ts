// azure-token-cache/testing: time, credentials and a record of decisions, to test a program's tokens without waiting.

export { MemoryTokenStore } from "./store/memory-token-store.ts";
export { ManualClock } from "./testing/manual-clock.ts";
export { Recorder, type Row } from "./testing/recorder.ts";
export { type Call, ScriptedCredential, type Step } from "./testing/scripted-credential.ts";
export { type OpenTokenStore, type TokenStoreCheck, tokenStoreChecks } from "./testing/store-conformance.ts";
