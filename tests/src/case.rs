//! The corpus: its format, reading it, comparing answers with it. `corpus/README.md` describes the files.

use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// One file of the corpus.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file states.
    pub about: String,
    /// Documents with requests and answers, or with refusals.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// Which pattern covers which name.
    #[serde(default)]
    pub covers: Vec<Covers>,
    /// Which pattern is listed under which tree root.
    #[serde(default)]
    pub listed: Vec<Listed>,
    /// How patterns are stored and shown.
    #[serde(default)]
    pub canonical: Vec<Canonical>,
}

/// A document and what is asked of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in its file.
    pub id: String,
    /// What is special about it.
    #[serde(default)]
    pub about: Option<String>,
    /// The import document (contract §2).
    pub document: Value,
    /// Requests and their answers.
    #[serde(default)]
    pub rows: Vec<Row>,
    /// What may not be added to the document.
    #[serde(default)]
    pub refused: Vec<Refused>,
}

/// A request and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The engine request (contract §3) without `externals`.
    pub request: Value,
    /// The decisions, or an object with `error`.
    pub answer: Value,
    /// What the outside says when it is asked.
    #[serde(default)]
    pub outside: Vec<Outside>,
    /// What the caller is to carry out; not compared when absent.
    #[serde(default)]
    pub effects: Option<Value>,
    /// Only the members that `answer` names are compared.
    #[serde(default)]
    pub part: bool,
    /// The ruling that makes the answer another than AM's.
    #[serde(default)]
    pub ruling: Option<String>,
}

/// An outside result: of the condition that `question` describes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// `type`, then what the condition says, and the resource.
    pub question: Value,
    /// `satisfied`, `advices`, `attributes`, `ttl`, or `error`.
    pub result: Value,
}

/// A policy, policy set or resource type that is refused when written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// AM's JSON of a policy.
    pub policy: Value,
    /// The fault is at this RFC 6901 pointer or beneath it.
    pub path: String,
    /// The ruling that refuses what AM takes.
    #[serde(default)]
    pub ruling: Option<String>,
}

/// Whether a policy on `pattern` applies to `name`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    /// As an administrator writes it.
    pub pattern: String,
    /// As a client asks for it.
    pub name: String,
    /// Whether it applies.
    pub covers: bool,
    /// The ruling behind a difference from AM.
    #[serde(default)]
    pub ruling: Option<String>,
}

/// Whether a policy on `pattern` has an entry in the tree of `root`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// As an administrator writes it.
    pub pattern: String,
    /// As a client asks for it.
    pub root: String,
    /// Whether an entry shows what the policy contributes.
    pub listed: bool,
    /// The ruling behind a difference from AM.
    #[serde(default)]
    pub ruling: Option<String>,
}

/// The stored form of a pattern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canonical {
    /// As an administrator writes it.
    pub pattern: String,
    /// As it is stored and shown; absent when it is refused.
    #[serde(default)]
    pub text: Option<String>,
    /// The ruling behind a difference from AM.
    #[serde(default)]
    pub ruling: Option<String>,
}

/// Every file of the corpus, by path.
///
/// # Errors
/// A file that cannot be read or is not in the format, with its path.
pub fn corpus() -> Result<Vec<(PathBuf, File)>, String> {
    corpus_at(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"))
}

/// Every file of the corpus beneath a folder.
///
/// # Errors
/// As [`corpus`].
pub fn corpus_at(folder: &Path) -> Result<Vec<(PathBuf, File)>, String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    files
        .into_iter()
        .map(|path| read(&path).map(|file| (path, file)))
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))? {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<File, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// A document with one policy that allows GET to everybody.
#[must_use]
pub fn one_policy(pattern: &str) -> Value {
    json!({
        "policies": [{
            "name": "p", "active": true, "resources": [pattern], "actionValues": {"GET": true},
            "subject": {"type": "NOT", "subject": {"type": "NONE"}},
        }],
    })
}

/// Where an answer differs from what is expected; empty when it does not.
#[must_use]
pub fn differences(row: &Row, answer: &Value) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(error) = row.answer.get("error") {
        for member in ["code", "path"] {
            if let Some(wanted) = error.get(member) {
                compare(
                    wanted,
                    answer
                        .pointer(&format!("/error/{member}"))
                        .unwrap_or(&Value::Null),
                    member,
                    false,
                    &mut out,
                );
            }
        }
        return out;
    }
    let Some(decisions) = answer.get("decisions") else {
        return vec![format!("want decisions, got {answer}")];
    };
    compare(&row.answer, decisions, "", row.part, &mut out);
    if let Some(effects) = &row.effects {
        compare(
            effects,
            answer.get("effects").unwrap_or(&Value::Null),
            "/effects",
            false,
            &mut out,
        );
    }
    out
}

fn compare(want: &Value, got: &Value, at: &str, part: bool, out: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                compare(
                    value,
                    found.get(name).unwrap_or(&Value::Null),
                    &format!("{at}/{name}"),
                    false,
                    out,
                );
            }
            // Only the members of a decision may be left out, not those of its maps.
            for name in found.keys().filter(|n| !part && !wanted.contains_key(*n)) {
                out.push(format!("{at}/{name}: unexpected {got}"));
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (n, (value, other)) in wanted.iter().zip(found).enumerate() {
                compare(value, other, &format!("{at}/{n}"), part, out);
            }
        }
        _ if want == got || (want == "<number>" && got.is_number()) => {}
        _ => out.push(format!("{at}: want {want}, got {got}")),
    }
}
