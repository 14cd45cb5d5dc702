// azure-token-cache/testing: time, credentials and a record of decisions, to test a program's tokens without waiting.
export { ManualClock } from "./testing/manual-clock.ts";
export { MemoryTokenStore } from "./testing/memory-token-store.ts";
export { Recorder, type Row } from "./testing/recorder.ts";
export { type Call, ScriptedCredential, type Step } from "./testing/scripted-credential.ts";
