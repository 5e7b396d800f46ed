//! What a decision could run into, read off the module: no floating point, no relaxed SIMD, no JavaScript.
//!
//! For the first and the last the module is linked once more with its plain exports alone. The linker keeps, function by
//! function, what they can reach by calls and by references, and drops everything else. The exports for JavaScript only add
//! to that: they share no state with the plain ones. So what is not in the lean module no decision of the server meets.

use std::path::Path;
use std::process::{Command, Stdio};

use assize_module::WASM;
use wasmparser::{
    CompositeInnerType, ExternalKind, FuncType, FunctionBody, Parser, Payload, ValType,
};

use crate::artefact::{PLAIN_EXPORTS, exports};

#[test]
fn no_decision_touches_floating_point_or_javascript() {
    let lean = plain_exports_alone();
    let mut plain: Vec<String> = exports(&lean)
        .filter(|(_, kind)| *kind == ExternalKind::Func)
        .map(|(name, _)| name)
        .collect();
    plain.sort();
    assert_eq!(
        plain, PLAIN_EXPORTS,
        "another module than the one that ships"
    );

    let code = Code::read(&lean);
    assert_eq!(code.imports, 0, "the plain exports need a host's help");
    assert!(
        code.functions.len() > 100,
        "{} functions",
        code.functions.len()
    );
    let impure: Vec<_> = code.floating().collect();
    assert!(impure.is_empty(), "floating point: {impure:#?}");
    crate::report(format_args!(
        "{} functions can take part in a decision, none with floating point or JavaScript",
        code.functions.len()
    ));
}

#[test]
fn the_search_finds_what_it_looks_for() {
    // The JavaScript surface does use both; a search that missed them there would prove nothing above.
    let code = Code::read(WASM);
    assert!(code.imports > 0);
    assert!(code.floating().next().is_some());
}

#[test]
fn nothing_in_the_module_is_relaxed_simd() {
    for function in Code::read(WASM).functions {
        for operator in function.body.get_operators_reader().unwrap() {
            let name = format!("{:?}", operator.unwrap());
            assert!(!name.contains("Relaxed"), "{name}");
        }
    }
}

/// The module as it is without its exports for JavaScript.
fn plain_exports_alone() -> Vec<u8> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain-exports");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "build",
            "--package",
            "assize-engine-wasm",
            "--no-default-features",
        ])
        .args([
            "--profile",
            "wasm",
            "--target",
            TARGET,
            "--locked",
            "--target-dir",
        ])
        .arg(&target_dir)
        .stdout(Stdio::null());
    // As for the module itself: what the outer build was told holds for the outer build.
    for outer in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "CARGO_BUILD_TARGET",
    ] {
        cargo.env_remove(outer);
    }
    assert!(
        cargo.status().unwrap().success(),
        "the module does not build"
    );
    std::fs::read(target_dir.join(TARGET).join("wasm/assize_engine_wasm.wasm")).unwrap()
}

struct Code<'a> {
    types: Vec<FuncType>,
    imports: u32,
    functions: Vec<Function<'a>>,
}

struct Function<'a> {
    ty: usize,
    body: FunctionBody<'a>,
}

impl<'a> Code<'a> {
    fn read(wasm: &'a [u8]) -> Self {
        let mut types = Vec::new();
        let mut imports = 0;
        let (mut signatures, mut bodies) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::TypeSection(section) => {
                    for ty in section
                        .into_iter()
                        .flat_map(|group| group.unwrap().into_types())
                    {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            panic!("types of a proposal that this search does not know");
                        };
                        types.push(ty);
                    }
                }
                Payload::ImportSection(section) => imports = section.count(),
                Payload::FunctionSection(section) => {
                    signatures.extend(section.into_iter().map(|ty| ty.unwrap() as usize));
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        assert_eq!(signatures.len(), bodies.len());
        let functions = signatures.into_iter().zip(bodies);
        Code {
            types,
            imports,
            functions: functions.map(|(ty, body)| Function { ty, body }).collect(),
        }
    }

    /// The first thing about each function that has to do with floating point.
    fn floating(&self) -> impl Iterator<Item = String> {
        self.functions
            .iter()
            .enumerate()
            .filter_map(|(number, function)| {
                let ty = &self.types[function.ty];
                let float = |ty: &ValType| matches!(ty, ValType::F32 | ValType::F64);
                if ty.params().iter().chain(ty.results()).any(float) {
                    return Some(format!("function {number}: signature {ty}"));
                }
                let mut operators = function.body.get_operators_reader().unwrap();
                while !operators.eof() {
                    let operator = format!("{:?}", operators.read().unwrap());
                    // `F64Load`, `I32TruncSatF64S`, `F32x4Add`, …: every float instruction has its type in its name.
                    if operator.contains("F32") || operator.contains("F64") {
                        return Some(format!("function {number}: {operator}"));
                    }
                }
                None
            })
    }
}
