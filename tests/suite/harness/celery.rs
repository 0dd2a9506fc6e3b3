//! A Celery worker with one task for each event.

use serde_json::Value;
use tempfile::TempDir;

use super::eventually;
use super::guarded::Guarded;
use super::programs::{python, python_command};

/// A worker that runs `celery_hooks.py`. Ended when dropped.
pub struct Celery {
    worker: Guarded,
    _directory: TempDir,
}

impl Celery {
    /// On a queue of the broker at `url`, which it declares: the page's own is
    /// `celery`. None where it is not installed.
    pub fn start(url: &str, queue: &str) -> Option<Self> {
        let python = python()?;
        let directory = tempfile::tempdir().unwrap();
        let mut command = python_command(&python);
        command
            .args(["-m", "celery", "-A", "celery_hooks", "worker"])
            .args(["--pool", "solo", "--loglevel", "info"])
            // There are no others to talk to.
            .args(["--without-gossip", "--without-mingle"])
            .args(["--without-heartbeat"])
            .env("BROKER_URL", url)
            .env("QUEUE", queue);
        let mut worker = Guarded::start(&mut command, &directory.path().join("log"));
        let log = directory.path().join("log");
        worker.wait_until("Celery is ready", || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.contains(" ready."))
        });
        Some(Self {
            worker,
            _directory: directory,
        })
    }

    /// What the tasks got, in order: `event`, `id` of the task, `data`.
    pub fn tasks(&self) -> Vec<Value> {
        let log = self.worker.log();
        // Celery puts the time and more before what a task prints.
        let told = log.lines().filter_map(|line| line.split_once("TASK "));
        told.map(|(_, task)| serde_json::from_str(task).unwrap())
            .collect()
    }

    /// What the tasks got as soon as that are at least so many.
    pub fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually("Celery got all tasks", || self.tasks().len() >= count);
        self.tasks()
    }

    /// All that the worker said.
    pub fn log(&self) -> String {
        self.worker.log()
    }
}
