//! Puts what the server embeds to where it includes it from: the components of the
//! built-in plugins, which `./x guests` builds, and the projects that
//! `rustus plugin new` writes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

const PLUGINS: [&str; 4] = ["http", "amqp", "kafka", "grpc"];

/// What tools leave behind in a folder, and what is no part of a template.
const LEFT_BEHIND: [&str; 5] = ["target", "node_modules", ".venv", "__pycache__", ".git"];

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
    if let Err(error) = embed_templates(&top, &out) {
        println!("cargo::error=the templates of `rustus plugin new` can't be embedded: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn take(guests: &Path, out: &Path, name: &str) -> io::Result<()> {
    let file = format!("{name}.wasm");
    let built = guests.join(&file);
    println!("cargo::rerun-if-changed={}", built.display());
    fs::copy(built, out.join(file)).map(drop)
}

/// A file of a project: where it goes, and where it is now.
type Files = Vec<(String, PathBuf)>;

/// Writes `templates.rs`: a table of all projects with their files.
fn embed_templates(top: &Path, out: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed=sdk");
    println!("cargo::rerun-if-changed=wit");
    let mut table = "static TEMPLATES: &[Template] = &[\n".to_owned();
    for (language, folder) in sorted(&top.join("sdk"))? {
        let template = folder.join("template");
        if !template.is_dir() {
            continue;
        }
        let mut files = Files::new();
        collect(&template, "", &mut files)?;
        add_contract(&language, top, out, &mut files)?;
        table += &format!("    Template {{ language: {language:?}, files: &[\n");
        for (path, from) in files {
            table += &format!("        ({path:?}, include_bytes!({from:?})),\n");
        }
        table += "    ] },\n";
    }
    table += "];\n";
    fs::write(out.join("templates.rs"), table)
}

/// What every project needs besides its template: the WIT package, and in Rust
/// the SDK that has it inside.
fn add_contract(language: &str, top: &Path, out: &Path, files: &mut Files) -> io::Result<()> {
    let mut wit = Files::new();
    collect(&top.join("wit"), "wit/", &mut wit)?;
    wit.retain(|(path, _)| path.ends_with(".wit"));
    if language != "rust" {
        if !files.iter().any(|(path, _)| path.starts_with("wit/")) {
            files.append(&mut wit);
        }
        return Ok(());
    }
    let sdk = top.join("sdk/rust");
    let mut parts = Files::new();
    collect(&sdk.join("src"), "src/", &mut parts)?;
    // It stands on a crate that is not published and that no hook needs.
    parts.retain(|(path, _)| path != "src/events_json.rs");
    parts.append(&mut wit);
    let manifest = out.join("rustus-hook.toml");
    fs::write(&manifest, sdk_manifest(top, &sdk)?)?;
    parts.push(("Cargo.toml".to_owned(), manifest));
    files.extend(
        parts
            .into_iter()
            .map(|(path, from)| (format!("rustus-hook/{path}"), from)),
    );
    Ok(())
}

/// The SDK's manifest without the workspace of this repository.
fn sdk_manifest(top: &Path, sdk: &Path) -> io::Result<String> {
    let workspace = fs::read_to_string(top.join("Cargo.toml"))?;
    let own = fs::read_to_string(sdk.join("Cargo.toml"))?;
    let line = |text: &str, key: &str| {
        let start = format!("{key} = ");
        let line = text.lines().find(|line| line.starts_with(&start));
        line.map(str::to_owned)
            .ok_or_else(|| io::Error::other(format!("no line `{start}…` in a Cargo.toml")))
    };
    let mut manifest = "[package]\n".to_owned();
    for (text, key) in [
        (&own, "name"),
        (&own, "description"),
        (&workspace, "version"),
        (&workspace, "edition"),
        (&workspace, "rust-version"),
        (&workspace, "license"),
    ] {
        manifest += &(line(text, key)? + "\n");
    }
    manifest += "publish = false\n\n[dependencies]\n";
    manifest += &(line(&own, "wit-bindgen")? + "\n");
    manifest += "\n[lints.rust]\nunexpected_cfgs = { level = \"allow\" }\n";
    Ok(manifest)
}

/// Adds all files below `folder`. A link is taken for what it leads to.
fn collect(folder: &Path, prefix: &str, files: &mut Files) -> io::Result<()> {
    for (name, path) in sorted(folder)? {
        if path.is_dir() {
            if !LEFT_BEHIND.contains(&name.as_str()) {
                collect(&path, &format!("{prefix}{name}/"), files)?;
            }
        } else if !name.ends_with(".wasm") {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

/// What is in a folder, by name, so that a build is the same wherever it is made.
fn sorted(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))?;
        entries.push((name, entry.path()));
    }
    entries.sort();
    Ok(entries)
}
