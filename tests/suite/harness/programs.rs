//! Programs of the machine that tests use.

use std::process::Command;

/// Whether a program is installed. In CI (`CI` is set) a missing one fails the
/// test; elsewhere the test is skipped by name.
pub fn is_there(program: &str, question: &str) -> bool {
    if Command::new(program).arg(question).output().is_ok() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{program} is not installed"
    );
    eprintln!("skipped: {program} is not installed");
    false
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
