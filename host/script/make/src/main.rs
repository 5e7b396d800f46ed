//! `cargo xtask script-module`: makes `host/script/script.wasm` anew, or says whether it is what its sources give.
//!
//! The guest (`host/script/guest`) holds QuickJS, which is C: compiling it takes clang, so the module is kept beside its
//! sources and a plain build of the server needs none. The way: C and Rust → WebAssembly ([`guest`]) → started once, what
//! it then remembers becomes the module's first memory ([`snapshot`]) → every loop and call counted ([`meter`]) → every
//! write marked ([`mark`]).

mod guest;
mod mark;
mod meter;
mod snapshot;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
assize-script-make           makes script.wasm anew
assize-script-make --check   makes it elsewhere and compares the bytes
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => write(),
        (Some("--check"), None) => check(),
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<String, String> {
    let module = make()?;
    let path = place();
    std::fs::write(&path, &module)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(format!("script.wasm: {} bytes", module.len()))
}

fn check() -> Result<String, String> {
    let module = make()?;
    let kept =
        std::fs::read(place()).map_err(|error| format!("cannot read script.wasm: {error}"))?;
    if kept == module {
        return Ok(format!(
            "script.wasm is what its sources give: {} bytes",
            kept.len()
        ));
    }
    let first = kept.iter().zip(&module).position(|(a, b)| a != b);
    Err(format!(
        "script.wasm ({} bytes) is not what its sources give ({} bytes; the first difference is at byte {first:?}): \
         run `cargo xtask script-module` and commit it",
        kept.len(),
        module.len()
    ))
}

fn make() -> Result<Vec<u8>, String> {
    let guest = guest::compile()?;
    let raw = std::fs::read(&guest)
        .map_err(|error| format!("cannot read {}: {error}", guest.display()))?;
    let started = snapshot::start(&guest)?;
    let mut module = walrus::ModuleConfig::new()
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse(&raw)
        .map_err(|error| format!("walrus refuses the guest: {error:#}"))?;
    snapshot::keep(&mut module, &started)?;
    meter::count(&mut module)?;
    mark::writes(&mut module)?;
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

fn place() -> std::path::PathBuf {
    guest::folder().join("../script.wasm")
}

/// The folder `host/script` is the parent of this crate's.
fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
