//! Bounds that every runtime keeps alike, because they are part of the module: steps, depth of calls, memory.
//!
//! Each turn of a loop, each call of a function that calls others, and each [`BULK`] bytes that are copied or filled at
//! once cost one step. So work inside QuickJS's own functions counts like the script's: sorting, searching, regular
//! expressions, parsing. Whatever goes too far ends the instance with a trap, after `assize_fault` was set to say why.

use std::collections::HashSet;

use walrus::ir::{
    BinaryOp, Block, Br, Call, GlobalGet, Instr, InstrSeqId, InstrSeqType, VisitorMut,
    dfs_pre_order_mut,
};
use walrus::{
    ConstExpr, FunctionBuilder, FunctionId, GlobalId, LocalFunction, LocalId, Module, ValType, ir,
};

/// Steps of one run.
const STEPS: i32 = 10_000_000;

/// What the frames of calls may take, in bytes by the estimate of [`Seen::frame`].
const DEPTH: i32 = 300_000;

/// Bytes copied or filled for one step.
const BULK: i32 = 64;

/// What ended a run, as `assize_fault` says it.
#[derive(Clone, Copy)]
enum Fault {
    Steps = 1,
    Depth = 2,
    Memory = 3,
}

/// The counters, and the functions that look after them.
struct Meter {
    steps: GlobalId,
    depth: GlobalId,
    out_of_steps: FunctionId,
    too_deep: FunctionId,
    /// Takes and gives a length.
    bulk: FunctionId,
    /// Takes and gives what `memory.grow` said.
    grown: FunctionId,
}

/// Puts the counting into every function.
pub(crate) fn count(module: &mut Module) -> Result<(), String> {
    let functions: Vec<FunctionId> = module.funcs.iter_local().map(|(id, _)| id).collect();
    let meter = Meter::add(module);
    for id in functions {
        let results = module.types.results(module.funcs.get(id).ty()).to_vec();
        let ty = InstrSeqType::new(&mut module.types, &[], &results);
        meter.count_in(module.funcs.get_mut(id).kind.unwrap_local_mut(), ty);
    }
    Ok(())
}

impl Meter {
    fn add(module: &mut Module) -> Self {
        let mut counter = |start: i32| {
            let start = ConstExpr::Value(ir::Value::I32(start));
            module.globals.add_local(ValType::I32, true, false, start)
        };
        let (fault, steps, depth) = (counter(0), counter(STEPS), counter(DEPTH));
        module.exports.add("assize_fault", fault);
        module.exports.add("assize_steps", steps);
        let end = |module: &mut Module, why: Fault| {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
            function
                .func_body()
                .i32_const(why as i32)
                .global_set(fault)
                .unreachable();
            function.finish(Vec::new(), &mut module.funcs)
        };
        let out_of_steps = end(module, Fault::Steps);
        let too_deep = end(module, Fault::Depth);
        let no_memory = end(module, Fault::Memory);

        let mut bulk = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
        let length = module.locals.add(ValType::I32);
        let mut body = bulk.func_body();
        body.global_get(steps)
            .local_get(length)
            .i32_const(BULK)
            .binop(BinaryOp::I32DivU);
        body.binop(BinaryOp::I32Sub).global_set(steps);
        body.global_get(steps).i32_const(0).binop(BinaryOp::I32LtS);
        body.if_else(
            None,
            |then| {
                then.call(out_of_steps);
            },
            |_| {},
        );
        body.local_get(length);
        let bulk = bulk.finish(vec![length], &mut module.funcs);

        let mut grown = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[ValType::I32]);
        let before = module.locals.add(ValType::I32);
        let mut body = grown.func_body();
        body.local_get(before).i32_const(-1).binop(BinaryOp::I32Eq);
        body.if_else(
            None,
            |then| {
                then.call(no_memory);
            },
            |_| {},
        );
        body.local_get(before);
        let grown = grown.finish(vec![before], &mut module.funcs);
        Meter {
            steps,
            depth,
            out_of_steps,
            too_deep,
            bulk,
            grown,
        }
    }

    fn count_in(&self, function: &mut LocalFunction, results: InstrSeqType) {
        let entry = function.entry_block();
        let mut seen = Seen::default();
        dfs_pre_order_mut(&mut seen, function, entry);
        for header in std::mem::take(&mut seen.loops) {
            let charge = self.charge(function, self.steps, 1, self.out_of_steps);
            function.block_mut(header).instrs.splice(0..0, charge);
        }
        for place in std::mem::take(&mut seen.sequences) {
            self.watch_memory(&mut function.block_mut(place).instrs);
        }
        if !seen.calls {
            return;
        }
        let frame = seen.frame();
        // The former body becomes a block, which every way out leaves: then the frame is given back.
        let body = function.builder_mut().dangling_instr_seq(results).id();
        function.block_mut(body).instrs = std::mem::take(&mut function.block_mut(entry).instrs);
        dfs_pre_order_mut(&mut Leave { entry, body }, function, body);
        let mut whole = self.charge(function, self.steps, 1, self.out_of_steps);
        whole.extend(self.charge(function, self.depth, frame, self.too_deep));
        whole.push(placed(Block { seq: body }));
        whole.extend(self.change(self.depth, BinaryOp::I32Add, frame));
        function.block_mut(entry).instrs = whole;
    }

    fn change(&self, counter: GlobalId, op: BinaryOp, amount: i32) -> Vec<Placed> {
        vec![
            placed(GlobalGet { global: counter }),
            placed(ir::Const {
                value: ir::Value::I32(amount),
            }),
            placed(ir::Binop { op }),
            placed(ir::GlobalSet { global: counter }),
        ]
    }

    /// Takes from a counter, and ends the run where that leaves less than nothing.
    fn charge(
        &self,
        function: &mut LocalFunction,
        counter: GlobalId,
        amount: i32,
        end: FunctionId,
    ) -> Vec<Placed> {
        let builder = function.builder_mut();
        let consequent = builder.dangling_instr_seq(None).call(end).id();
        let alternative = builder.dangling_instr_seq(None).id();
        let mut charge = self.change(counter, BinaryOp::I32Sub, amount);
        charge.extend([
            placed(GlobalGet { global: counter }),
            placed(ir::Const {
                value: ir::Value::I32(0),
            }),
            placed(ir::Binop {
                op: BinaryOp::I32LtS,
            }),
            placed(ir::IfElse {
                consequent,
                alternative,
            }),
        ]);
        charge
    }

    /// Lengths on the top of the stack are charged for; a memory that did not grow ends the run.
    fn watch_memory(&self, instructions: &mut Vec<Placed>) {
        let mut at = 0;
        while let Some((instruction, _)) = instructions.get(at) {
            match instruction {
                Instr::MemoryCopy(_) | Instr::MemoryFill(_) | Instr::MemoryInit(_) => {
                    instructions.insert(at, placed(Call { func: self.bulk }));
                    at += 1;
                }
                Instr::MemoryGrow(_) => {
                    instructions.insert(at + 1, placed(Call { func: self.grown }))
                }
                _ => {}
            }
            at += 1;
        }
    }
}

type Placed = (Instr, ir::InstrLocId);

fn placed(instruction: impl Into<Instr>) -> Placed {
    (instruction.into(), ir::InstrLocId::default())
}

/// What is in a function.
#[derive(Default)]
struct Seen {
    loops: Vec<InstrSeqId>,
    sequences: Vec<InstrSeqId>,
    locals: HashSet<LocalId>,
    calls: bool,
}

impl Seen {
    /// Bytes that a call of the function takes from its host's stack, as a compiler that keeps every local in memory
    /// would have it (V8's first one does), and something for what stands between frames and for the five locals at most
    /// that marks take (`mark.rs`).
    fn frame(&self) -> i32 {
        i32::try_from(self.locals.len())
            .unwrap_or(DEPTH)
            .saturating_mul(8)
            .saturating_add(128)
    }
}

impl VisitorMut for Seen {
    fn visit_local_id_mut(&mut self, local: &mut LocalId) {
        self.locals.insert(*local);
    }

    fn start_instr_seq_mut(&mut self, sequence: &mut ir::InstrSeq) {
        self.sequences.push(sequence.id());
    }

    fn visit_instr_mut(&mut self, instruction: &mut Instr, _: &mut ir::InstrLocId) {
        match instruction {
            Instr::Loop(repeated) => self.loops.push(repeated.seq),
            Instr::Call(_) | Instr::CallIndirect(_) => self.calls = true,
            _ => {}
        }
    }
}

/// Turns each way out of a function into a way out of its body.
struct Leave {
    entry: InstrSeqId,
    body: InstrSeqId,
}

impl VisitorMut for Leave {
    fn visit_instr_mut(&mut self, instruction: &mut Instr, _: &mut ir::InstrLocId) {
        if matches!(instruction, Instr::Return(_)) {
            *instruction = Br { block: self.body }.into();
        }
    }

    fn visit_instr_seq_id_mut(&mut self, id: &mut InstrSeqId) {
        if *id == self.entry {
            *id = self.body;
        }
    }
}
