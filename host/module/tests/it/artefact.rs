//! What the module asks of its host and how large it is.

use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

use assize_module::{BUILD_ID, Limits, MACHINE_CODE, Runtime, WASM};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Gzipped bytes that the module may have.
const BUDGET: usize = 300 * 1024;

/// JavaScript functions that the module may call, sorted; wasm-bindgen ends most of their names in a hash. The text form needs
/// the three marked ones. All others are serde-wasm-bindgen's, for objects: what a value is, what is in it, making new ones.
const IMPORTS: &[&str] = &[
    "__wbg_Error", // text: a bundle that is refused
    "__wbg_Number",
    "__wbg___wbindgen_bigint_get_as_i64",
    "__wbg___wbindgen_boolean_get",
    "__wbg___wbindgen_debug_string",
    "__wbg___wbindgen_in",
    "__wbg___wbindgen_is_bigint",
    "__wbg___wbindgen_is_function",
    "__wbg___wbindgen_is_object",
    "__wbg___wbindgen_is_string",
    "__wbg___wbindgen_is_undefined",
    "__wbg___wbindgen_jsval_eq",
    "__wbg___wbindgen_jsval_loose_eq",
    "__wbg___wbindgen_number_get",
    "__wbg___wbindgen_string_get",
    "__wbg___wbindgen_throw", // text: a bundle that was freed
    "__wbg_call",
    "__wbg_done",
    "__wbg_entries",
    "__wbg_get",
    "__wbg_get",
    "__wbg_get_unchecked",
    "__wbg_instanceof_ArrayBuffer",
    "__wbg_instanceof_Map",
    "__wbg_instanceof_Uint8Array",
    "__wbg_isArray",
    "__wbg_isSafeInteger",
    "__wbg_iterator",
    "__wbg_length",
    "__wbg_length",
    "__wbg_new",
    "__wbg_new",
    "__wbg_new",
    "__wbg_new",
    "__wbg_next",
    "__wbg_next",
    "__wbg_prototypesetcall",
    "__wbg_set",
    "__wbg_set",
    "__wbg_set",
    "__wbg_value",
    "__wbindgen_generic",
    "__wbindgen_generic",
    "__wbindgen_generic",
    "__wbindgen_generic",
    "__wbindgen_init_externref_table", // text: run once, by the glue
];

/// What a host without JavaScript calls.
pub(crate) const PLAIN_EXPORTS: &[&str] = &[
    "assize_about",
    "assize_answer",
    "assize_evaluate",
    "assize_evaluate_am",
    "assize_input",
    "assize_load",
    "assize_memory",
    "assize_set_revision",
    "assize_unload",
];

#[test]
fn the_module_imports_exactly_what_it_did() {
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(WASM) {
        if let Payload::ImportSection(section) = payload.unwrap() {
            for import in section.into_imports() {
                let import = import.unwrap();
                assert_eq!(import.module, "./assize_engine_bg.js");
                assert!(
                    matches!(import.ty, TypeRef::Func(_)),
                    "{} is no function",
                    import.name
                );
                imports.push(without_hash(import.name).to_owned());
            }
        }
    }
    imports.sort();
    assert_eq!(
        imports, IMPORTS,
        "a new import needs support in every host: is it meant?"
    );
}

#[test]
fn the_plain_exports_are_there() {
    let mut plain: Vec<String> = exports(WASM)
        .filter(|(_, kind)| *kind == ExternalKind::Func)
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("assize_"))
        .collect();
    plain.sort();
    assert_eq!(plain, PLAIN_EXPORTS);
}

#[test]
fn the_module_keeps_its_size_budget() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(WASM).unwrap();
    let size = gzip.finish().unwrap().len();
    crate::report(format_args!(
        "module: {} bytes, {size} gzipped (at most {BUDGET}); machine code: {} bytes",
        WASM.len(),
        MACHINE_CODE.len()
    ));
    assert!(size <= BUDGET, "{size} bytes gzipped");
}

#[test]
fn the_memory_is_small_at_first_and_bounded() {
    const PAGE: u64 = 64 << 10;
    let memories: Vec<_> = Parser::new(0)
        .parse_all(WASM)
        .filter_map(|payload| match payload.unwrap() {
            Payload::MemorySection(section) => Some(section.into_iter().map(Result::unwrap)),
            _ => None,
        })
        .flatten()
        .collect();
    let [memory] = memories[..] else {
        panic!("{} memories", memories.len());
    };
    assert_eq!(memory.maximum, Some((1 << 30) / PAGE));
    assert!(
        memory.initial * PAGE <= 2 << 20,
        "{} pages at first",
        memory.initial
    );
}

#[test]
fn the_build_id_is_the_hash_of_the_module() {
    let mut blank = WASM.to_vec();
    let at = WASM
        .windows(BUILD_ID.len())
        .position(|window| window == BUILD_ID.as_bytes())
        .unwrap();
    blank[at..at + 16].copy_from_slice(b"assize-build-id-");
    blank[at + 16..at + 64].fill(b'.');
    let hash = hex::encode(Sha256::digest(&blank));
    assert_eq!(hash, BUILD_ID);

    let mut instance = Runtime::new(Limits::default()).unwrap().instance().unwrap();
    let about: Value = serde_json::from_slice(&instance.about().unwrap()).unwrap();
    assert_eq!(
        about,
        serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "build": BUILD_ID})
    );
}

#[test]
fn what_runs_decisions_has_no_code_generator() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "assize-module",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(
        tree.contains("wasmtime v"),
        "cargo tree says nothing: {tree}"
    );
    let generators: Vec<_> = tree
        .lines()
        .filter(|line| line.contains("cranelift-codegen") || line.contains("winch"))
        .collect();
    assert!(generators.is_empty(), "{generators:?}");
}

#[test]
fn an_empty_call_costs_little() {
    const CALLS: u32 = 200_000;
    let started = Instant::now();
    let runtime = Runtime::new(Limits::default()).unwrap();
    let start = started.elapsed();
    let started = Instant::now();
    let mut instance = runtime.instance().unwrap();
    let instance_made = started.elapsed();
    let started = Instant::now();
    for _ in 0..CALLS {
        assert!(instance.ask_memory_size().unwrap() > 0);
    }
    crate::report(format_args!(
        "start {start:?}, an instance {instance_made:?}, an empty call {:?}{}",
        started.elapsed() / CALLS,
        if cfg!(debug_assertions) {
            " (unoptimised host)"
        } else {
            ""
        }
    ));
}

pub(crate) fn exports(wasm: &[u8]) -> impl Iterator<Item = (String, ExternalKind)> {
    Parser::new(0)
        .parse_all(wasm)
        .filter_map(|payload| match payload.unwrap() {
            Payload::ExportSection(section) => Some(section.into_iter().map(Result::unwrap)),
            _ => None,
        })
        .flatten()
        .map(|export| (export.name.to_owned(), export.kind))
}

/// `__wbg_new_37eb45aaf5eeb820` → `__wbg_new`: the hash names the version of the crate that asked.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once('_') {
        Some((stem, hash))
            if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            stem
        }
        _ => name,
    }
}
