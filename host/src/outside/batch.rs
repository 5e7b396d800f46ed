//! The scripts of one request, run in their order until the request's steps are used up.

use std::collections::VecDeque;
use std::sync::Arc;

use assize_script::{Failure, Inputs, Runtime};

use super::Found;
use super::source::Source;
use crate::limits::{SCRIPT_STEPS_AT_ONCE, SCRIPT_STEPS_PER_REQUEST};

/// One script to run for one resource.
pub(crate) struct Job {
    /// The id of the need that it resolves.
    pub(crate) need: String,
    pub(crate) script: Result<Arc<Source>, Failure>,
    pub(crate) resource: String,
}

/// Scripts that are to be run, and what those found that were.
pub(crate) struct Batch {
    inputs: Inputs,
    jobs: VecDeque<Job>,
    found: Vec<(String, Found)>,
    /// That the finished ones took.
    steps: u32,
}

impl Batch {
    /// `inputs` are the same for all but for the resource and the script's name.
    pub(crate) fn new(inputs: Inputs, jobs: Vec<Job>) -> Self {
        Batch {
            inputs,
            found: Vec::with_capacity(jobs.len()),
            jobs: jobs.into(),
            steps: 0,
        }
    }

    /// Runs scripts as long as all together take a fraction of a millisecond, and leaves the others for
    /// [`run_all`](Self::run_all): the way to another thread and back takes longer than most scripts.
    pub(crate) fn run_short(&mut self, runtime: &Runtime) {
        while let Some(job) = self.jobs.pop_front() {
            let left = SCRIPT_STEPS_AT_ONCE.saturating_sub(self.steps);
            // With fewer few scripts would end, and each that does not costs a sandbox.
            if left < SCRIPT_STEPS_AT_ONCE / 2 {
                self.jobs.push_front(job);
                return;
            }
            let ran = match &job.script {
                Ok(script) => {
                    tell(&mut self.inputs, script, &job.resource);
                    script.run_within(left, runtime, &self.inputs)
                }
                Err(failure) => Some((Err(failure.clone()), 0)),
            };
            let Some((found, steps)) = ran else {
                self.jobs.push_front(job);
                return;
            };
            self.note(job.need, found, steps);
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Runs what is left. Not for a thread that others wait for.
    pub(crate) fn run_all(&mut self, runtime: &Runtime) {
        while let Some(job) = self.jobs.pop_front() {
            let (found, steps) = match &job.script {
                _ if self.steps >= SCRIPT_STEPS_PER_REQUEST => {
                    // With fewer others it may have a result.
                    let error = "the request's scripts take too many steps together".to_owned();
                    (Err(Failure::Passing(error)), 0)
                }
                Ok(script) => {
                    tell(&mut self.inputs, script, &job.resource);
                    script.run(runtime, &self.inputs)
                }
                Err(failure) => (Err(failure.clone()), 0),
            };
            self.note(job.need, found, steps);
        }
    }

    /// Gives up on what is left.
    pub(crate) fn fail(&mut self, why: &str) {
        for job in std::mem::take(&mut self.jobs) {
            let failed = Err(Failure::Passing(why.to_owned()));
            self.found.push((job.need, failed));
        }
    }

    /// What was found, by the ids of needs.
    pub(crate) fn finish(self) -> Vec<(String, Found)> {
        self.found
    }

    fn note(&mut self, need: String, found: Found, steps: u32) {
        self.steps = self.steps.saturating_add(steps);
        self.found.push((need, found));
    }
}

fn tell(inputs: &mut Inputs, script: &Source, resource: &str) {
    resource.clone_into(&mut inputs.resource);
    inputs.script_name.clone_from(&script.name);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn job(need: &str, text: &str) -> Job {
        let source = Source::new(need.to_owned(), text.to_owned());
        Job {
            need: need.to_owned(),
            script: Ok(Arc::new(source)),
            resource: "http://a.example:80/".to_owned(),
        }
    }

    fn script(job: &Job) -> Arc<Source> {
        Arc::clone(job.script.as_ref().unwrap())
    }

    #[test]
    fn what_is_long_is_left_and_then_found_all_the_same() {
        let runtime = Runtime::start().unwrap();
        let long = "for (var i = 0; i < 50000; i++); authorized = true;";
        let jobs = vec![
            job("short", "authorized = true;"),
            job("long", long),
            job("behind", "authorized = scriptName === 'behind';"),
        ];
        let slow = [0, 1, 2].map(|at| script(&jobs[at]));
        let mut batch = Batch::new(Inputs::default(), jobs);
        batch.run_short(&runtime);
        let found: Vec<&str> = batch.found.iter().map(|(need, _)| need.as_str()).collect();
        assert_eq!((found, batch.is_done()), (vec!["short"], false));
        batch.run_all(&runtime);
        assert!(batch.is_done());
        assert_eq!(
            slow.each_ref().map(|script| script.was_slow()),
            [false, true, false]
        );
        let found = batch.finish();
        assert_eq!(found.len(), 3);
        assert!(
            found
                .iter()
                .all(|(_, found)| found.as_ref().unwrap().satisfied)
        );
    }

    #[test]
    fn what_was_slow_is_not_tried_again_until_it_was_quick() {
        let runtime = Runtime::start().unwrap();
        let whole = |job: Job| {
            let mut batch = Batch::new(Inputs::default(), vec![job]);
            batch.run_short(&runtime);
            batch
        };
        let many = "for (var i = 0; i < 50000; i++);";
        let deep = "function f() { return [1].map(f); } f();";
        let grown = "authorized = 'x'.repeat(400000).length > 0;";
        for text in [many, deep, grown] {
            let job = job("slow", text);
            let script = script(&job);
            whole(job);
            assert!(script.was_slow(), "{text}");
        }
        for text in [
            "throw new Error('x')",
            "session.getProperty('x')",
            "authorized = true",
        ] {
            let job = job("quick", text);
            let script = script(&job);
            assert!(whole(job).is_done());
            assert!(!script.was_slow(), "{text}");
        }
        // A large request makes it slow, and a small one lets it be quick again.
        let long = "if (resourceURI.length > 10) for (var i = 0; i < 50000; i++);";
        let source = Arc::new(Source::new("s".to_owned(), long.to_owned()));
        let asked = |resource: &str| Job {
            need: "n".to_owned(),
            script: Ok(Arc::clone(&source)),
            resource: resource.to_owned(),
        };
        let mut left = whole(asked("http://a.example:80/"));
        assert!(source.was_slow() && !left.is_done());
        left.run_all(&runtime);
        assert!(source.was_slow());
        let mut left = whole(asked("a"));
        assert!(!left.is_done(), "it is not tried here");
        left.run_all(&runtime);
        assert!(!source.was_slow());
        assert!(whole(asked("a")).is_done());
    }

    #[test]
    fn short_ones_are_short_together() {
        let runtime = Runtime::start().unwrap();
        let jobs = (0..100).map(|n| job(&n.to_string(), "authorized = true;"));
        let mut batch = Batch::new(Inputs::default(), jobs.collect());
        batch.run_short(&runtime);
        assert!(!batch.is_done() && !batch.found.is_empty());
        assert!(batch.steps <= SCRIPT_STEPS_AT_ONCE);
    }
}
