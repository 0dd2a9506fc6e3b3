//! Takes the components of the built-in plugins, which `./x guests` builds, to
//! where the server includes them from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

const PLUGINS: [&str; 4] = ["http", "amqp", "kafka", "grpc"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let (Some(top), Some(out)) = (variable("CARGO_MANIFEST_DIR"), variable("OUT_DIR")) else {
        println!("cargo::error=this is run by cargo");
        return ExitCode::FAILURE;
    };
    let target = variable("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let guests = top.join(target).join("guests");
    for name in PLUGINS {
        if let Err(error) = take(&guests, &out, name) {
            println!(
                "cargo::error=the built-in plugin {name} is not built ({error}); run `./x guests` first"
            );
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn take(guests: &Path, out: &Path, name: &str) -> std::io::Result<()> {
    let file = format!("{name}.wasm");
    let built = guests.join(&file);
    println!("cargo::rerun-if-changed={}", built.display());
    fs::copy(built, out.join(file)).map(drop)
}
