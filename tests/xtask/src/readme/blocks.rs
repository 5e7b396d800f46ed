//! The console blocks of a Markdown text, and what it means for an output to be as written.

/// A command and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) command: String,
    /// Lines, in which `…` stands for anything.
    pub(crate) expected: Vec<String>,
}

/// The commands of all `console` blocks, in order.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_block = false;
    let mut continued = false;
    for line in text.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            in_block = !in_block && kind.trim() == "console";
            continued = false;
        } else if in_block {
            let told = steps.last_mut().filter(|step| step.expected.is_empty());
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step {
                    command: command.to_owned(),
                    expected: Vec::new(),
                });
                continued = line.ends_with('\\');
            } else if let (Some(more), Some(step)) = (line.strip_prefix("> "), told) {
                // What a shell prompts with where a command is not yet complete.
                step.command.push('\n');
                step.command.push_str(more);
            } else if let (true, Some(step)) = (continued, steps.last_mut()) {
                step.command.push('\n');
                step.command.push_str(line);
                continued = line.ends_with('\\');
            } else if let Some(step) = steps.last_mut() {
                step.expected.push(line.to_owned());
            }
        }
    }
    for step in &mut steps {
        // A blank line before the next command is there for the reader.
        while step
            .expected
            .last()
            .is_some_and(|line| line.trim().is_empty())
        {
            step.expected.pop();
        }
    }
    steps
}

/// Whether `printed` is what `expected` says. Blank lines at the end, and blanks at the end of a line, do not count.
pub(crate) fn agrees(expected: &[String], printed: &[String]) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return printed.iter().all(|line| line.trim().is_empty());
    };
    if first.trim() == "…" {
        return (0..=printed.len()).any(|skipped| {
            printed
                .get(skipped..)
                .is_some_and(|left| agrees(rest, left))
        });
    }
    match printed.split_first() {
        Some((line, left)) => line_agrees(first.trim_end(), line.trim_end()) && agrees(rest, left),
        None => false,
    }
}

fn line_agrees(expected: &str, printed: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut left) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return left.is_empty();
    };
    for part in parts {
        let Some((_, after)) = left.split_once(part) else {
            return false;
        };
        left = after;
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Step, agrees, steps};

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn only_console_blocks_hold_commands() {
        let text = "```sh\n$ rm -r x\n```\n```console\n$ a \\\n  b\none\n\n$ c\n```\n$ d\n";
        let step = |command: &str, expected: &str| Step {
            command: command.to_owned(),
            expected: lines(expected),
        };
        assert_eq!(steps(text), [step("a \\\n  b", "one"), step("c", "")]);
    }

    #[test]
    fn a_prompt_for_more_belongs_to_the_command() {
        let text = "```console\n$ cat <<'END'\n> one\n> END\none\n> two\n```\n";
        let command = "cat <<'END'\none\nEND".to_owned();
        let expected = lines("one\n> two");
        assert_eq!(steps(text), [Step { command, expected }]);
    }

    #[test]
    fn an_ellipsis_stands_for_anything() {
        for (expected, printed, agree) in [
            ("a", "a\n", true),
            ("a", "a\nb", false),
            ("a\n…", "a\nb\nc", true),
            ("…\nc", "a\nb\nc", true),
            ("…\nc", "a\nb", false),
            ("at …:…/x", "at 127.0.0.1:80/x", true),
            ("at …/x", "at 127.0.0.1/y", false),
            ("…", "", true),
            ("{\"a\":…}", "{\"a\":[1]}", true),
            ("ab…b", "ab", false),
        ] {
            assert_eq!(
                agrees(&lines(expected), &lines(printed)),
                agree,
                "{expected:?} {printed:?}"
            );
        }
    }
}
