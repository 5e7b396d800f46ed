//! WebAssembly to the one artefact: wasm-bindgen's library writes the JavaScript glue and the final module, which then
//! gets its build id.

use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

pub(crate) struct Module {
    pub(crate) wasm: Vec<u8>,
    /// An ES module. Its `initSync({module})` takes a compiled `WebAssembly.Module`, as edge workers must, or bytes.
    pub(crate) js: String,
    pub(crate) types: String,
    /// SHA-256, in hex, of `wasm` with the blank where the id itself now stands.
    pub(crate) build_id: String,
}

/// Makes the module that every runtime loads.
///
/// Binaryen's wasm-opt is left out: with -O3 or -O4 the module got 1 % smaller and decisions no faster, in wasmtime.
pub(crate) fn bind(raw: Vec<u8>) -> Result<Module, String> {
    let mut output = Bindgen::new()
        .input_bytes("assize_engine", raw)
        // `web` is the one form whose glue runs in browsers, workers, Deno, Bun and Node alike: it fetches nothing
        // unless asked to.
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(true)
                .omit_default_module_path(true)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate_output()
        })
        .map_err(|error| format!("wasm-bindgen refuses the decision module: {error:#}"))?;
    let js = output.js().to_owned();
    let types = output.ts().unwrap_or_default().to_owned();
    let mut wasm = output.wasm_mut().emit_wasm();
    let build_id = name(&mut wasm)?;
    Ok(Module {
        wasm,
        js,
        types,
        build_id,
    })
}

/// Writes the id into the place that `engine/wasm/src/build_id.rs` leaves for it.
fn name(wasm: &mut [u8]) -> Result<String, String> {
    const BLANK: &[u8; 64] = b"assize-build-id-................................................";
    let id = hex::encode(Sha256::digest(&*wasm));
    let places: Vec<usize> = wasm
        .windows(BLANK.len())
        .enumerate()
        .filter(|(_, window)| window == BLANK)
        .map(|(at, _)| at)
        .collect();
    let [at] = places[..] else {
        return Err(format!(
            "the decision module has {} places for its build id, not one",
            places.len()
        ));
    };
    if let Some(place) = wasm.get_mut(at..at + BLANK.len()) {
        place.copy_from_slice(id.as_bytes());
    }
    Ok(id)
}
