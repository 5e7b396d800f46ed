//! Running the corpus on a subject.

use crate::case::{Canonical, Case, Covers, File, Listed, differences, one_policy};
use crate::subject::Subject;
use serde_json::{Value, json};

/// How often a subject agreed.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rows that hold.
    pub passed: usize,
    /// Where a row does not hold, and how.
    pub failed: Vec<String>,
}

impl Tally {
    fn note(&mut self, at: &str, differences: &[String]) {
        if differences.is_empty() {
            self.passed += 1;
        } else {
            self.failed
                .push(format!("{at}: {}", differences.join("; ")));
        }
    }

    /// Adds another tally.
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
    }
}

/// Every row of a file that asks for a decision.
pub fn decisions(subject: &mut dyn Subject, file: &File) -> Tally {
    let mut tally = Tally::default();
    for case in &file.cases {
        rows(subject, case, &mut tally);
    }
    for row in &file.covers {
        covers(subject, row, &mut tally);
    }
    for row in &file.listed {
        listed(subject, row, &mut tally);
    }
    tally
}

fn rows(subject: &mut dyn Subject, case: &Case, tally: &mut Tally) {
    if let Err(why) = subject.load(&case.document) {
        tally.note(&case.id, &[format!("the document is refused: {why}")]);
        return;
    }
    if case.rows.is_empty() && case.refused.is_empty() {
        tally.note(&case.id, &[]);
    }
    for (n, row) in case.rows.iter().enumerate() {
        let answer = subject.answer(&row.request, &row.outside);
        tally.note(&format!("{} row {n}", case.id), &differences(row, &answer));
    }
}

/// The instant of rows that do not care.
const NOW: i64 = 1_773_800_000_000;

fn covers(subject: &mut dyn Subject, row: &Covers, tally: &mut Tally) {
    let at = format!("{:?} covers {:?}", row.pattern, row.name);
    if let Err(why) = subject.load(&one_policy(&row.pattern)) {
        // A pattern that may not be written covers nothing.
        let difference = if row.covers {
            vec![format!("the pattern is refused: {why}")]
        } else {
            Vec::new()
        };
        tally.note(&at, &difference);
        return;
    }
    let request = json!({"resources": [row.name], "subject": {}, "now": NOW});
    let answer = subject.answer(&request, &[]);
    let refused = answer.pointer("/error/code") == Some(&json!("badResource"));
    let found = answer.pointer("/decisions/0/actions/GET") == Some(&Value::Bool(true));
    let difference =
        if found == row.covers && (found || refused || answer.get("decisions").is_some()) {
            Vec::new()
        } else {
            vec![format!("want {}, got {answer}", row.covers)]
        };
    tally.note(&at, &difference);
}

fn listed(subject: &mut dyn Subject, row: &Listed, tally: &mut Tally) {
    let at = format!("{:?} under {:?}", row.pattern, row.root);
    if let Err(why) = subject.load(&one_policy(&row.pattern)) {
        tally.note(&at, &[format!("the pattern is refused: {why}")]);
        return;
    }
    let answer = subject.answer(&json!({"tree": row.root, "subject": {}, "now": NOW}), &[]);
    let entries = answer
        .get("decisions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let found = entries
        .iter()
        .any(|e| e.pointer("/actions/GET") == Some(&Value::Bool(true)));
    let difference = if !entries.is_empty() && found == row.listed {
        Vec::new()
    } else {
        vec![format!("want {}, got {answer}", row.listed)]
    };
    tally.note(&at, &difference);
}

/// Every row of a file about the stored form of patterns; `form` gives it, or why it is refused.
pub fn canonical(file: &File, form: impl Fn(&str) -> Result<String, String>) -> Tally {
    let mut tally = Tally::default();
    for Canonical { pattern, text, .. } in &file.canonical {
        let difference = match (form(pattern), text) {
            (Ok(found), Some(wanted)) if found == *wanted => Vec::new(),
            (Err(_), None) => Vec::new(),
            (found, wanted) => vec![format!("want {wanted:?}, got {found:?}")],
        };
        tally.note(&format!("canonical {pattern:?}"), &difference);
    }
    tally
}

/// Every refusal of a file; `faults` gives the pointers of what is wrong with a policy in a document.
pub fn refusals(file: &File, faults: impl Fn(&Value, &Value) -> Vec<String>) -> Tally {
    let mut tally = Tally::default();
    for case in &file.cases {
        for (n, refused) in case.refused.iter().enumerate() {
            let found = faults(&case.document, &refused.policy);
            let beneath =
                |f: &String| f == &refused.path || f.starts_with(&format!("{}/", refused.path));
            let difference = if found.iter().any(beneath) {
                Vec::new()
            } else {
                vec![format!(
                    "want a fault at {:?}, got {found:?} for {}",
                    refused.path, refused.policy
                )]
            };
            tally.note(&format!("{} refused {n}", case.id), &difference);
        }
    }
    tally
}
