//! The table that people read.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::decision::Row;

/// Prints what decisions cost, and the ratios that DESIGN.md §8 sets a target for.
pub(crate) fn decisions(rows: &[Row]) {
    let line = |name: &str, value: &dyn Fn(&Row) -> String| {
        let values: Vec<String> = rows
            .iter()
            .map(|row| format!("{:>9}", value(row)))
            .collect();
        println!("{name:<52}{}", values.join(""));
    };
    let time = |name: &str, value: &dyn Fn(&Row) -> f64| {
        line(name, &|row| format!("{:.2}", value(row) / 1000.0))
    };
    let ratio =
        |name: &str, value: &dyn Fn(&Row) -> f64| line(name, &|row| format!("{:.2}", value(row)));

    println!("\nCPU for one decision, JSON in, JSON out, µs");
    line("policies", &|row| row.count.to_string());
    time("floor, native", &|row| row.floor_native);
    time("floor, wasmtime", &|row| row.floor);
    time("floor, wasmtime, interruptible", &|row| {
        row.floor_interruptible
    });
    time("engine, native", &|row| row.native);
    time("engine, wasmtime", &|row| row.wasm);
    time("engine, wasmtime, interruptible (as the server)", &|row| {
        row.interruptible
    });
    time("the same, universal identifiers", &|row| {
        row.interruptible_universal
    });
    line("engine, Node, string in, string out", &|row| {
        row.node.map_or_else(
            || "no node".to_owned(),
            |node| format!("{:.2}", node / 1000.0),
        )
    });
    println!("\nCPU for one evaluation, request parsed, µs");
    time("engine, native", &|row| row.pure_native);
    time(
        "engine, wasmtime                        target 1.5",
        &|row| row.pure,
    );

    println!("\nratios");
    ratio(
        "engine / floor, wasmtime               target 1.5",
        &|row| row.wasm / row.floor,
    );
    ratio(
        "the same, both interruptible           target 1.5",
        &|row| row.interruptible / row.floor_interruptible,
    );
    ratio(
        "evaluation, wasmtime / native          target 1.6",
        &|row| row.pure / row.pure_native,
    );
    line(
        "Node / wasmtime                        target 1.3",
        &|row| {
            row.node.map_or_else(
                || "no node".to_owned(),
                |node| format!("{:.2}", node / row.wasm),
            )
        },
    );
    // V8 has no code that cannot be interrupted.
    line(
        "the same, wasmtime interruptible       target 1.3",
        &|row| {
            row.node.map_or_else(
                || "no node".to_owned(),
                |node| format!("{:.2}", node / row.interruptible),
            )
        },
    );
    let at = |count: u32| rows.iter().find(|row| row.count == count);
    if let (Some(few), Some(many)) = (at(10), at(100_000)) {
        let growth = many.wasm / few.wasm;
        println!("engine at 100 000 / at 10              target 1.6 {growth:>10.2}");
        println!(
            "the same, interruptible                target 1.6 {:>10.2}",
            many.interruptible / few.interruptible
        );
        println!(
            "floor at 100 000 / at 10                          {:>10.2}",
            many.floor / few.floor
        );
    }
}

/// One figure of another table.
pub(crate) fn figure(name: &str, value: String, target: &str) {
    println!("{name:<52}{value:>12}   {target}");
}

/// Prints the size of the decision module.
pub(crate) fn module_size() -> Outcome<()> {
    let mut gzip = Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = gzip.stdin.take().ok_or("gzip has no input")?;
    let writer = std::thread::spawn(move || input.write_all(assize_module::WASM));
    let size = gzip.wait_with_output()?.stdout.len();
    writer.join().map_err(|_| "gzip was not fed")??;
    figure(
        "decision module",
        format!("{} KB", assize_module::WASM.len() / 1024),
        "",
    );
    figure(
        "decision module, gzip -9",
        format!("{} KB", size / 1024),
        "target 300 KB",
    );
    Ok(())
}
