//! What scripts answer, on every runtime that is here: `cases.json` holds scripts that use each binding, and hostile
//! ones. Every row runs in wasmtime, again after others have run, and in Node from the same bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed unwrap is a failed test"
)]

use std::io::Write;
use std::process::{Command, Stdio};

use assize_script::{Failure, Inputs, Level, Run, Runtime, Session, SyntaxError, WASM};
use serde_json::{Map, Value, json};

struct Row {
    about: String,
    script: String,
    inputs: Map<String, Value>,
    /// The module's answer, byte for byte.
    answer: String,
}

fn rows(section: &str) -> Vec<Row> {
    let file: Value = serde_json::from_str(include_str!("cases.json")).unwrap();
    let all = file["inputs"].as_object().unwrap();
    let row = |row: &Value| {
        let mut inputs = all.clone();
        for (name, value) in row["inputs"].as_object().into_iter().flatten() {
            match value {
                Value::Null => inputs.remove(name),
                value => inputs.insert(name.clone(), value.clone()),
            };
        }
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        Row {
            about: text("about"),
            script: text("script"),
            inputs,
            answer: text("answer"),
        }
    };
    file[section].as_array().unwrap().iter().map(row).collect()
}

fn inputs(row: &Row) -> Inputs {
    let text = |name: &str| {
        row.inputs
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let read = |name: &str| row.inputs.get(name).cloned();
    Inputs {
        now: row.inputs["now"].as_i64().unwrap(),
        resource: text("resource").unwrap(),
        script_name: text("scriptName").unwrap(),
        username: text("username"),
        environment: serde_json::from_value(read("environment").unwrap()).unwrap(),
        session: read("session").map(|session| {
            let profile = read("profile").map(|profile| serde_json::from_value(profile).unwrap());
            let session = serde_json::from_value(session).unwrap();
            Session::of(&session, profile.as_ref())
        }),
    }
}

/// A run as the module would have answered it.
fn shown(run: &Run) -> Value {
    let result = match &run.result {
        Ok(resolved) => json!({
            "satisfied": resolved.satisfied,
            "advices": resolved.advices,
            "attributes": resolved.attributes,
            "ttl": resolved.ttl,
        }),
        Err(Failure::Lasting(error)) => json!({"error": error}),
        Err(Failure::Passing(error)) => json!({"error": error, "ttl": 0}),
    };
    let level = |level: &Level| match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Message => "message",
    };
    let log: Vec<Value> = run
        .log
        .iter()
        .map(|(at, line)| json!([level(at), line]))
        .collect();
    json!({"result": result, "log": log})
}

fn agree(section: &str) {
    let runtime = Runtime::start().unwrap();
    let rows = rows(section);
    // Twice, so that each script also runs where all the others have run before.
    for row in rows.iter().chain(rows.iter().rev()) {
        let run = runtime.run(&row.script, &inputs(row));
        let expected: Value = serde_json::from_str(&row.answer).unwrap();
        assert_eq!(shown(&run), expected, "{}: {}", row.about, row.script);
        assert!(run.steps > 0, "{}", row.about);
    }
    println!("{} {section} scripts in wasmtime, twice", rows.len());
}

#[test]
fn bindings() {
    agree("bindings");
}

/// Each ends within its bounds, as an error or an answer of its own.
#[test]
fn hostile_scripts() {
    agree("hostile");
}

#[test]
fn node_answers_with_the_same_bytes() {
    let rows: Vec<Row> = rows("bindings")
        .into_iter()
        .chain(rows("hostile"))
        .collect();
    let asked: Vec<Value> = rows
        .iter()
        .map(|row| json!({"script": row.script, "inputs": row.inputs}))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("script.wasm");
    std::fs::write(&module, WASM).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases.mjs");
    // Half the stack that V8 usually has: a run ends by its own bounds, not by its host's.
    let mut node = Command::new("node")
        .args(["--stack-size=490", script])
        .arg(&module)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node is needed for this test");
    let input = serde_json::to_vec(&asked).unwrap();
    node.stdin.take().unwrap().write_all(&input).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), rows.len());
    for (row, answer) in rows.iter().zip(&answers) {
        assert_eq!(*answer, row.answer, "{}: {}", row.about, row.script);
    }
    println!("{} scripts in Node", rows.len());
}

/// A condition as many installations of AM have it: from where, and where the user lives.
#[test]
fn a_condition_with_everything_in_it() {
    let runtime = Runtime::start().unwrap();
    let script = include_str!("condition.js");
    let row = &rows("bindings")[0];
    let run = |change: fn(&mut Inputs)| {
        let mut inputs = inputs(row);
        change(&mut inputs);
        runtime.run(script, &inputs)
    };
    let inside = run(|_| {}).result.unwrap();
    assert!(inside.satisfied);
    assert_eq!(inside.ttl, 1_773_800_000_000 + 600_000);
    assert_eq!(inside.attributes["street"], ["Main Street 1"]);
    let outside = run(|inputs| {
        inputs
            .environment
            .insert("ip".into(), vec!["192.0.2.1".into()]);
    });
    assert!(!outside.result.as_ref().unwrap().satisfied);
    assert_eq!(outside.result.unwrap().advices["Network"], ["10.0.0.7"]);
    assert_eq!(outside.log[0].0, Level::Warning);
    let unknown = run(|inputs| inputs.session = None);
    assert_eq!(
        unknown.result.unwrap_err().to_string(),
        "ReferenceError: session is not defined (line 25, column 12)"
    );
}

#[test]
fn a_script_is_parsed_and_not_run() {
    let runtime = Runtime::start().unwrap();
    let deep = "(".repeat(100_000);
    for (script, expected) in [
        ("", Ok(())),
        ("throw 1;", Ok(())),
        ("for (;;);", Ok(())),
        (
            "authorized = ;",
            Err((1, 14, "SyntaxError: unexpected token in expression: ';'")),
        ),
        (
            "var a = 1;\n  var 1a;",
            Err((2, 7, "SyntaxError: invalid number literal")),
        ),
        (
            "return 1;",
            Err((1, 1, "SyntaxError: return not in a function")),
        ),
        (
            "a\0b",
            Err((0, 0, "the script threw the script holds a NUL character")),
        ),
        (
            &deep,
            Err((0, 0, "the script's calls are nested too deeply")),
        ),
    ] {
        let expected = expected.map_err(|(line, column, message)| SyntaxError {
            line,
            column,
            message: message.to_owned(),
        });
        assert_eq!(
            runtime.check(script),
            expected,
            "{}",
            script.get(..20).unwrap_or(script)
        );
    }
}
