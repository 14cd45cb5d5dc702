// What importing a wasm file gives in workerd.
declare module "*.wasm" {
  const compiled: WebAssembly.Module;
  export default compiled;
}
