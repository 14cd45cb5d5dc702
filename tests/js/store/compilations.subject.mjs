// Imported before a program: at its end, prints how much WebAssembly it compiled.
let compilations = 0;

for (const name of ["Module", "Instance"]) {
  WebAssembly[name] = new Proxy(WebAssembly[name], {
    construct(real, given) {
      compilations += 1;
      return Reflect.construct(real, given);
    },
  });
}
for (const name of ["compile", "instantiate", "compileStreaming", "instantiateStreaming"]) {
  const real = WebAssembly[name];
  WebAssembly[name] = (...given) => {
    compilations += 1;
    return real(...given);
  };
}

process.on("exit", () => console.log(`${compilations} compilations`));
