//! What a decision could run into, read off the module: no floating point, no relaxed SIMD, no JavaScript.
//!
//! Starting at the plain exports every function that a call may reach is looked at. A direct call reaches its target. An
//! indirect call reaches every function of the same signature that stands in the table or whose reference is taken: more
//! than will ever happen (the table is shared with the JavaScript surface), so what is found to be unreachable is so.
//! Panics are followed too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use assize_module::WASM;
use wasmparser::{
    CompositeInnerType, ElementItems, ExternalKind, FuncType, FunctionBody, Operator, Parser,
    Payload, TypeRef, ValType,
};

#[test]
fn no_decision_touches_floating_point_or_javascript() {
    let code = Code::read(WASM);
    let reached = code.reachable(|export| export.starts_with("assize_"));
    assert!(
        reached.len() > 100,
        "only {} functions reached: the walk is broken",
        reached.len()
    );

    let imports: Vec<_> = reached
        .keys()
        .filter(|function| **function < code.imports.len())
        .collect();
    assert!(
        imports.is_empty(),
        "a plain export may call {}",
        code.path(&reached, *imports[0])
    );

    let impure: Vec<_> = reached
        .keys()
        .filter_map(|function| {
            code.floating(*function)
                .map(|what| format!("{what} in {}", code.path(&reached, *function)))
        })
        .collect();
    assert!(
        impure.is_empty(),
        "{} functions with floating point:\n{}",
        impure.len(),
        impure.join("\n")
    );
    crate::report(format_args!(
        "{} of {} functions can take part in a decision, none with floating point or JavaScript",
        reached.len(),
        code.functions.len()
    ));
}

#[test]
fn the_walk_finds_what_it_looks_for() {
    // The JavaScript surface does use both; a walk that missed them there would prove nothing above.
    let code = Code::read(WASM);
    let reached = code.reachable(|export| export.starts_with("bundle_"));
    assert!(
        reached
            .keys()
            .any(|function| code.floating(*function).is_some())
    );
    assert!(
        reached
            .keys()
            .any(|function| *function < code.imports.len())
    );
}

#[test]
fn nothing_in_the_module_is_relaxed_simd() {
    let code = Code::read(WASM);
    for body in code.functions.values() {
        for operator in body.body.get_operators_reader().unwrap() {
            let name = format!("{:?}", operator.unwrap());
            assert!(!name.contains("Relaxed"), "{name}");
        }
    }
}

struct Code<'a> {
    types: Vec<FuncType>,
    /// Name and signature.
    imports: Vec<(&'a str, usize)>,
    /// By index in the function space; imports come before.
    functions: BTreeMap<usize, Function<'a>>,
    exports: Vec<(&'a str, usize)>,
    /// Functions that an indirect call can mean.
    referenced: BTreeSet<usize>,
}

struct Function<'a> {
    ty: usize,
    body: FunctionBody<'a>,
}

/// Which function was reached from which: none for an export.
type Reached = BTreeMap<usize, Option<usize>>;

impl<'a> Code<'a> {
    fn read(wasm: &'a [u8]) -> Self {
        let mut code = Code {
            types: Vec::new(),
            imports: Vec::new(),
            functions: BTreeMap::new(),
            exports: Vec::new(),
            referenced: BTreeSet::new(),
        };
        let mut signatures = Vec::new();
        let mut bodies = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group.unwrap().into_types() {
                            let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                                panic!(
                                    "the module has types of a proposal that this walk does not know"
                                );
                            };
                            code.types.push(ty);
                        }
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.unwrap();
                        let TypeRef::Func(ty) = import.ty else {
                            panic!("{} is no function", import.name);
                        };
                        code.imports.push((import.name, ty as usize));
                    }
                }
                Payload::FunctionSection(section) => {
                    signatures.extend(section.into_iter().map(|ty| ty.unwrap() as usize))
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.unwrap();
                        if export.kind == ExternalKind::Func {
                            code.exports.push((export.name, export.index as usize));
                        }
                    }
                }
                Payload::ElementSection(section) => {
                    for element in section {
                        code.refer(&element.unwrap().items);
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        assert_eq!(signatures.len(), bodies.len());
        for (at, (ty, body)) in signatures.into_iter().zip(bodies).enumerate() {
            for operator in body.get_operators_reader().unwrap() {
                if let Operator::RefFunc { function_index } = operator.unwrap() {
                    code.referenced.insert(function_index as usize);
                }
            }
            code.functions
                .insert(code.imports.len() + at, Function { ty, body });
        }
        code
    }

    fn refer(&mut self, items: &ElementItems<'_>) {
        match items {
            ElementItems::Functions(functions) => {
                self.referenced.extend(
                    functions
                        .clone()
                        .into_iter()
                        .map(|function| function.unwrap() as usize),
                );
            }
            ElementItems::Expressions(_, expressions) => {
                for expression in expressions.clone() {
                    for operator in expression.unwrap().get_operators_reader() {
                        if let Operator::RefFunc { function_index } = operator.unwrap() {
                            self.referenced.insert(function_index as usize);
                        }
                    }
                }
            }
        }
    }

    fn reachable(&self, starts: impl Fn(&str) -> bool) -> Reached {
        let mut reached = Reached::new();
        let mut waiting = VecDeque::new();
        for (name, function) in &self.exports {
            if starts(name) {
                reached.insert(*function, None);
                waiting.push_back(*function);
            }
        }
        while let Some(function) = waiting.pop_front() {
            for callee in self.callees(function) {
                reached.entry(callee).or_insert_with(|| {
                    waiting.push_back(callee);
                    Some(function)
                });
            }
        }
        reached
    }

    fn callees(&self, function: usize) -> BTreeSet<usize> {
        let mut callees = BTreeSet::new();
        let Some(function) = self.functions.get(&function) else {
            return callees;
        };
        for operator in function.body.get_operators_reader().unwrap() {
            match operator.unwrap() {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    callees.insert(function_index as usize);
                }
                Operator::CallIndirect { type_index, .. }
                | Operator::ReturnCallIndirect { type_index, .. } => {
                    let wanted = &self.types[type_index as usize];
                    callees.extend(
                        self.referenced
                            .iter()
                            .filter(|callee| self.signature(**callee) == wanted),
                    );
                }
                Operator::CallRef { .. } | Operator::ReturnCallRef { .. } => {
                    panic!("a call by reference: this walk does not follow those");
                }
                _ => {}
            }
        }
        callees
    }

    fn signature(&self, function: usize) -> &FuncType {
        let ty = match self.imports.get(function) {
            Some((_, ty)) => *ty,
            None => self.functions[&function].ty,
        };
        &self.types[ty]
    }

    /// The first thing about a function that has to do with floating point.
    fn floating(&self, function: usize) -> Option<String> {
        let function = self.functions.get(&function)?;
        let ty = &self.types[function.ty];
        let float = |ty: &ValType| matches!(ty, ValType::F32 | ValType::F64);
        if ty.params().iter().chain(ty.results()).any(float) {
            return Some(format!("signature {ty}"));
        }
        let mut operators = function.body.get_operators_reader().unwrap();
        while !operators.eof() {
            let operator = format!("{:?}", operators.read().unwrap());
            // `F64Load`, `I32TruncSatF64S`, `F32x4Add`, …: every float instruction has its type in its name.
            if operator.contains("F32") || operator.contains("F64") {
                return Some(operator);
            }
        }
        None
    }

    /// How a function was reached, for the message.
    fn path(&self, reached: &Reached, function: usize) -> String {
        let mut path = vec![self.name(function)];
        let mut at = function;
        while let Some(Some(from)) = reached.get(&at) {
            path.push(self.name(*from));
            at = *from;
        }
        path.join(" ← ")
    }

    fn name(&self, function: usize) -> String {
        if let Some((import, _)) = self.imports.get(function) {
            return format!("import {import}");
        }
        match self.exports.iter().find(|(_, index)| *index == function) {
            Some((name, _)) => format!("export {name}"),
            None => format!("function {function}"),
        }
    }
}
