//! Writes the JavaScript glue, its types and the stripped wasm file for one wasm module.
//!
//! Usage: `azure-token-cache-wasm-bindgen <input.wasm> <output folder> <name>`. The wasm-bindgen version is the one in
//! Cargo.lock, so it always equals that of the crate inside the module.
use std::env;
use std::error::Error;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [input, folder, name] = arguments.as_slice() else {
        eprintln!("usage: azure-token-cache-wasm-bindgen <input.wasm> <output folder> <name>");
        return ExitCode::from(2);
    };
    match generate(input, folder, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-bindgen cannot process {input}: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// The `web` target, without a default path: the host always hands over the bytes or the module (`initSync`).
fn generate(input: &str, folder: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.input_path(input).out_name(name);
    bindgen.typescript(true).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(folder)?;
    Ok(())
}
