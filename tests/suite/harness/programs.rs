//! Programs of the machine that tests use.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether a program is installed. In CI (`CI` is set) a missing one fails the
/// test; elsewhere the test is skipped by name.
pub fn is_there(program: &str, question: &str) -> bool {
    let answers = Command::new(program).arg(question).output().is_ok();
    installed(program, answers)
}

/// The same for what is found in another way.
pub fn installed(name: &str, there: bool) -> bool {
    if there {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
    eprintln!("skipped: {name} is not installed (`./x test` installs it)");
    false
}

/// The Python that has what `./x test` installs for servers of hooks.
pub fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv");
    let there = venv.join(".prepared-servers").exists();
    installed("Celery, FastAPI and gRPC for Python", there).then(|| venv.join("bin/python"))
}

/// That Python with one of our scripts in reach, which writes nothing beside it.
pub fn python_command(python: &Path) -> Command {
    let mut command = Command::new(python);
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python");
    command
        .current_dir(scripts)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1");
    command
}

/// What curl prints, with the head of the answer before its body.
pub fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "60"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    String::from_utf8_lossy(&output.stdout).into_owned() + &said
}
