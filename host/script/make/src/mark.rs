//! Which stretches of its memory a run has written: the module marks them itself.
//!
//! Whoever runs one script after the other in one instance sets back what is marked and nothing else. A mark is a byte for
//! each [`STRETCH`] bytes, in a static of the guest (`guest/src/marks.rs`) that the module exports as `assize_marks`. The
//! exported functions write nothing but by the instructions that are marked here; what the host writes it sets back itself.

use walrus::ir::{
    BinaryOp, Binop, Call, Const, Instr, InstrLocId, InstrSeqId, LocalGet, LocalSet, LocalTee,
    MemArg, MemoryCopy, MemoryFill, Store, StoreKind, Value, VisitorMut, dfs_pre_order_mut,
};
use walrus::{
    ConstExpr, ExportItem, FunctionBuilder, FunctionId, GlobalKind, InstrSeqBuilder, LocalFunction,
    LocalId, MemoryId, Module, ModuleLocals, ValType,
};

/// Bytes that one mark stands for, as a power of two. The runtime knows it too (`src/marks.rs`).
const STRETCH: i32 = 10;

/// Stretches that must lie before the marks: those the runtime sets back unmarked, so that no store from before the marks
/// takes away the evidence of itself.
const BEFORE: i32 = 7;

/// Where the marks are, and the functions that mark more than one stretch.
struct Marks {
    memory: MemoryId,
    /// Address of the first mark.
    first: i32,
    copy: FunctionId,
    fill: FunctionId,
}

/// Puts a mark behind everything that writes.
///
/// # Errors
/// The guest has no marks, or writes in a way that cannot be marked.
pub(crate) fn writes(module: &mut Module) -> Result<(), String> {
    let functions: Vec<FunctionId> = module.funcs.iter_local().map(|(id, _)| id).collect();
    let marks = Marks::add(module)?;
    for id in functions {
        let function = module.funcs.get_mut(id).kind.unwrap_local_mut();
        marks.mark_in(function, &mut module.locals)?;
    }
    Ok(())
}

impl Marks {
    fn add(module: &mut Module) -> Result<Self, String> {
        let memory = module
            .get_memory_id()
            .map_err(|error| format!("the guest has not one memory: {error:#}"))?;
        let first = address(module)
            .ok_or("the guest exports no `assize_marks`, or not at the begin of a stretch")?;
        let copy = MemoryCopy {
            src: memory,
            dst: memory,
        };
        Ok(Marks {
            memory,
            first,
            copy: bulk(module, memory, first, copy.into()),
            fill: bulk(module, memory, first, MemoryFill { memory }.into()),
        })
    }

    fn mark_in(
        &self,
        function: &mut LocalFunction,
        locals: &mut ModuleLocals,
    ) -> Result<(), String> {
        let mut seen = Sequences::default();
        dfs_pre_order_mut(&mut seen, function, function.entry_block());
        let mut spare = Spare::default();
        for sequence in seen.all {
            let instructions = &mut function.block_mut(sequence).instrs;
            let mut marked = Vec::with_capacity(instructions.len());
            for (instruction, place) in std::mem::take(instructions) {
                match instruction {
                    Instr::Store(store) => self.mark(&store, &mut spare, locals, &mut marked)?,
                    Instr::MemoryCopy(_) => marked.push((Call { func: self.copy }.into(), place)),
                    Instr::MemoryFill(_) => marked.push((Call { func: self.fill }.into(), place)),
                    Instr::MemoryInit(_)
                    | Instr::AtomicRmw(_)
                    | Instr::Cmpxchg(_)
                    | Instr::LoadSimd(_) => {
                        return Err(format!("nothing marks what this writes: {instruction:?}"));
                    }
                    _ => marked.push((instruction, place)),
                }
            }
            *instructions = marked;
        }
        Ok(())
    }

    /// A store, then its mark: one that traps needs none. A store over the end of its stretch marks the first one alone,
    /// so a few bytes behind each marked stretch belong to it.
    fn mark(
        &self,
        store: &Store,
        spare: &mut Spare,
        locals: &mut ModuleLocals,
        into: &mut Vec<(Instr, InstrLocId)>,
    ) -> Result<(), String> {
        let offset = i32::try_from(store.arg.offset).map_err(|_| "an offset above 2 GiB")?;
        let base = *spare.base.get_or_insert_with(|| locals.add(ValType::I32));
        let value = spare.value(store.kind, locals)?;
        let mut push = |instruction: Instr| into.push((instruction, InstrLocId::default()));
        push(LocalSet { local: value }.into());
        push(LocalTee { local: base }.into());
        push(LocalGet { local: value }.into());
        push(store.clone().into());
        push(LocalGet { local: base }.into());
        if offset != 0 {
            push(number(offset));
            push(
                Binop {
                    op: BinaryOp::I32Add,
                }
                .into(),
            );
        }
        push(number(STRETCH));
        push(
            Binop {
                op: BinaryOp::I32ShrU,
            }
            .into(),
        );
        push(number(1));
        push(self.store());
        Ok(())
    }

    /// Writes a mark by its number.
    fn store(&self) -> Instr {
        store_mark(self.memory, self.first)
    }
}

fn number(value: i32) -> Instr {
    Const {
        value: Value::I32(value),
    }
    .into()
}

fn store_mark(memory: MemoryId, first: i32) -> Instr {
    Store {
        memory,
        kind: StoreKind::I32_8 { atomic: false },
        arg: MemArg {
            align: 1,
            offset: u64::from(first.unsigned_abs()),
        },
    }
    .into()
}

/// Where the guest has its marks.
fn address(module: &Module) -> Option<i32> {
    let export = module
        .exports
        .iter()
        .find(|export| export.name == "assize_marks")?;
    let ExportItem::Global(global) = export.item else {
        return None;
    };
    match module.globals.get(global).kind {
        // Nothing else may share a stretch with marks: whoever writes among them is to be found out.
        GlobalKind::Local(ConstExpr::Value(Value::I32(address)))
            if address >= BEFORE << STRETCH && address % (1 << STRETCH) == 0 =>
        {
            Some(address)
        }
        _ => None,
    }
}

/// A function like `instruction`, which takes address, something and length, and marks all that it wrote.
fn bulk(module: &mut Module, memory: MemoryId, first: i32, instruction: Instr) -> FunctionId {
    let ty = [ValType::I32; 3];
    let mut function = FunctionBuilder::new(&mut module.types, &ty, &[]);
    let parameters = ty.map(|ty| module.locals.add(ty));
    let [start, _, length] = parameters;
    let [begin, end] = [(); 2].map(|()| module.locals.add(ValType::I32));
    let mark_of = |body: &mut InstrSeqBuilder<'_>| {
        body.i32_const(STRETCH).binop(BinaryOp::I32ShrU);
    };
    let mut body = function.func_body();
    for parameter in parameters {
        body.local_get(parameter);
    }
    body.instr(instruction).local_get(length);
    body.if_else(
        None,
        |some| {
            some.local_get(start);
            mark_of(some);
            some.local_tee(begin).i32_const(1);
            some.instr(store_mark(memory, first));
            some.local_get(start).local_get(length);
            some.binop(BinaryOp::I32Add).i32_const(1);
            some.binop(BinaryOp::I32Sub);
            mark_of(some);
            some.local_tee(end).i32_const(1);
            some.instr(store_mark(memory, first));
            // What lies between them: most are shorter.
            some.local_get(end).local_get(begin);
            some.binop(BinaryOp::I32Sub).local_tee(end);
            some.i32_const(1).binop(BinaryOp::I32GtU);
            some.if_else(
                None,
                |many| {
                    many.local_get(begin).i32_const(first);
                    many.binop(BinaryOp::I32Add);
                    many.i32_const(1).local_get(end);
                    many.memory_fill(memory);
                },
                |_| {},
            );
        },
        |_| {},
    );
    function.finish(parameters.to_vec(), &mut module.funcs)
}

/// All instruction sequences of a function.
#[derive(Default)]
struct Sequences {
    all: Vec<InstrSeqId>,
}

impl VisitorMut for Sequences {
    fn start_instr_seq_mut(&mut self, sequence: &mut walrus::ir::InstrSeq) {
        self.all.push(sequence.id());
    }
}

/// What a store finds on the stack, kept while it is used twice. One of each type for a function is enough.
#[derive(Default)]
struct Spare {
    base: Option<LocalId>,
    i32: Option<LocalId>,
    i64: Option<LocalId>,
    f32: Option<LocalId>,
    f64: Option<LocalId>,
}

impl Spare {
    fn value(&mut self, kind: StoreKind, locals: &mut ModuleLocals) -> Result<LocalId, String> {
        if kind.atomic() {
            return Err("nothing marks an atomic store".to_owned());
        }
        let (local, ty) = match kind {
            StoreKind::I32 { .. } | StoreKind::I32_8 { .. } | StoreKind::I32_16 { .. } => {
                (&mut self.i32, ValType::I32)
            }
            StoreKind::F32 => (&mut self.f32, ValType::F32),
            StoreKind::F64 => (&mut self.f64, ValType::F64),
            StoreKind::V128 => return Err("nothing marks a store of a vector".to_owned()),
            _ => (&mut self.i64, ValType::I64),
        };
        Ok(*local.get_or_insert_with(|| locals.add(ty)))
    }
}
