//! A bash that is told one command at a time.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::blocks::{Step, agrees};
use crate::process::root;

/// One shell in a process group of its own, which ends with it.
pub(crate) struct Shell {
    bash: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

/// How a command left its shell.
pub(crate) enum Outcome {
    /// It has ended; the shell takes the next one.
    Ended,
    /// It has printed what it should and goes on.
    StillRunning,
}

/// A line that no command prints.
const END: &str = "-- end of command, status";

impl Shell {
    /// A bash at the root of the workspace, its servers' data in `data`.
    pub(crate) fn open(data: &Path) -> Result<Shell, String> {
        let cannot = |error: std::io::Error| format!("cannot run bash: {error}");
        let mut bash = Command::new("bash")
            .current_dir(root())
            .env("ASSIZE_DATA", data)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let mut input = bash.stdin.take().ok_or("bash has no input")?;
        let output = bash.stdout.take().ok_or("bash has no output")?;
        // What a reader sees on the terminal is both streams as they come.
        writeln!(input, "exec 2>&1").map_err(cannot)?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Shell { bash, input, lines })
    }

    /// Runs one command until it ends, or has printed what it should and falls silent for `settled`.
    ///
    /// # Errors
    /// It fails, prints something else, or says nothing for as long as `patience`.
    pub(crate) fn run(
        &mut self,
        step: &Step,
        patience: Duration,
        settled: Duration,
    ) -> Result<Outcome, String> {
        // The command gets no input of its own, or it would eat the commands that follow.
        writeln!(
            self.input,
            "{{ {}\n}} < /dev/null; assize_status=$?; echo; echo \"{END} $assize_status\"",
            step.command
        )
        .and_then(|()| self.input.flush())
        .map_err(|error| format!("bash does not listen: {error}"))?;
        let mut printed = Vec::new();
        loop {
            let agreed = !step.expected.is_empty() && agrees(&step.expected, &printed);
            let wait = if agreed { settled } else { patience };
            match self.lines.recv_timeout(wait) {
                Ok(line) if line.starts_with(END) => return ended(step, &line, &printed),
                Ok(line) => {
                    println!("{line}");
                    printed.push(line);
                }
                Err(RecvTimeoutError::Timeout) if agreed => return Ok(Outcome::StillRunning),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(differs("goes on without printing", step, &printed));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(differs("ended the shell", step, &printed));
                }
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // The whole group: a server that bash started is a child of bash and not of ours.
        let _ = Command::new("kill")
            .args(["-TERM", "--", &format!("-{}", self.bash.id())])
            .status();
        let _ = self.bash.wait();
    }
}

fn ended(step: &Step, line: &str, printed: &[String]) -> Result<Outcome, String> {
    if !line.ends_with(" 0") {
        return Err(differs("failed", step, printed));
    }
    // Where the README shows nothing, nothing is asked of the output.
    if step.expected.is_empty() || agrees(&step.expected, printed) {
        Ok(Outcome::Ended)
    } else {
        Err(differs("printed something else", step, printed))
    }
}

fn differs(how: &str, step: &Step, printed: &[String]) -> String {
    format!(
        "a command of the README {how}:\n$ {}\n-- expected\n{}\n-- printed\n{}",
        step.command,
        step.expected.join("\n"),
        printed.join("\n"),
    )
}
