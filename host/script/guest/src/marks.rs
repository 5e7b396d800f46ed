//! Room for the marks of what a run has written. Nothing here writes them: the instructions that do are put into the module
//! when it is made (`make/src/mark.rs`).

use std::sync::atomic::AtomicU8;

/// One byte for each kilobyte of the 16 MiB that the module may have.
const MARKS: usize = 16 << 10;

/// The marks, in stretches of their own: then whatever writes there leaves a mark that nothing but a spoilt engine makes.
#[expect(dead_code, reason = "read and written from outside Rust")]
#[repr(align(1024))]
pub struct Marks([AtomicU8; MARKS]);

/// What the host reads, and nobody else.
#[unsafe(export_name = "assize_marks")]
#[used]
pub static MARKED: Marks = Marks([const { AtomicU8::new(0) }; MARKS]);
