//! Building guests and putting their components into a folder.
//!
//! The guests of this repository are the workspace members below `plugins/`,
//! `sdk/commands/` and `tests/guests/`, and a command in Go. A crate gives one component of its own name, or those that its
//! manifest names with their features:
//!
//! ```toml
//! [package.metadata.guest.variants]
//! rule-a = []
//! rule-b = ["b"]
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{cargo, go, place, process, toolchain::Toolchain};

/// The command that is written in Go.
const GO: &str = "sdk/commands/refuse-meme-go";

/// A crate that is built into one component or several.
struct Guest {
    package: String,
    manifest: PathBuf,
    variants: Vec<Variant>,
}

/// A component: its name, and the features of the crate that make it.
struct Variant {
    name: String,
    features: Vec<String>,
}

/// Builds all guests of this repository into `target/guests`. Returns that folder.
pub(crate) fn build_all() -> Result<PathBuf> {
    let folder = process::target().join("guests");
    let manifest = process::repository().join("Cargo.toml");
    let guests: Vec<Guest> = read(&manifest)?
        .into_iter()
        .filter(Guest::is_ours)
        .collect();
    let toolchain = Toolchain::find()?;
    for batch in batches(&guests) {
        build(&toolchain, &batch, &folder)?;
    }
    let go = process::repository().join(GO);
    go::build(&go, &folder, "refuse-meme-go")?;
    Ok(folder)
}

/// Builds those that the server embeds.
pub(crate) fn build_built_in() -> Result<()> {
    const EMBEDDED: [&str; 4] = ["http", "amqp", "kafka", "grpc"];
    for name in EMBEDDED {
        build_one(&process::repository().join("plugins").join(name), None)?;
    }
    Ok(())
}

/// Builds the guest whose crate is in `path` into `into`, or `target/guests`.
/// Returns the folder.
pub(crate) fn build_one(path: &Path, into: Option<&Path>) -> Result<PathBuf> {
    let folder = into.map_or_else(|| process::target().join("guests"), Path::to_owned);
    let manifest = fs::canonicalize(path.join("Cargo.toml"))
        .with_context(|| format!("{} is not the folder of a crate", path.display()))?;
    let wanted = |guest: &Guest| guest.manifest == manifest && !guest.is_server();
    let guests: Vec<Guest> = read(&manifest)?.into_iter().filter(wanted).collect();
    if guests.is_empty() {
        bail!(
            "{} holds no guest: it needs a cdylib (or a main, as a command)",
            path.display()
        );
    }
    let toolchain = Toolchain::find()?;
    for batch in batches(&guests) {
        build(&toolchain, &batch, &folder)?;
    }
    Ok(folder)
}

impl Guest {
    fn is_ours(&self) -> bool {
        let top = process::repository();
        ["plugins", "sdk/commands", "tests/guests"]
            .iter()
            .any(|folder| self.manifest.starts_with(top.join(folder)))
    }

    /// The workspace's root package has a main as well, which is no guest.
    fn is_server(&self) -> bool {
        self.manifest == process::repository().join("Cargo.toml")
    }

    /// Our own guests share a profile of the workspace; a crate from elsewhere has
    /// its own settings under `release`.
    fn profile(&self) -> &'static str {
        if self.is_ours() { "guest" } else { "release" }
    }

    /// `None` for a crate that no component can be made of.
    fn from_metadata(package: &Value) -> Option<Self> {
        let targets = at(package, "/targets").as_array()?.iter();
        let kinds = targets
            .filter_map(|target| at(target, "/crate_types").as_array())
            .flatten();
        if !kinds
            .filter_map(Value::as_str)
            .any(|kind| kind == "cdylib" || kind == "bin")
        {
            return None;
        }
        let name = at(package, "/name").as_str()?.to_owned();
        let manifest = PathBuf::from(at(package, "/manifest_path").as_str()?);
        let variants = match at(package, "/metadata/guest/variants").as_object() {
            Some(table) => table
                .iter()
                .map(|(name, list)| Variant::new(name, list))
                .collect(),
            None => vec![Variant::new(&name, &Value::Null)],
        };
        Some(Self {
            package: name,
            manifest,
            variants,
        })
    }
}

impl Variant {
    fn new(name: &str, features: &Value) -> Self {
        let features = features.as_array().into_iter().flatten();
        let features = features
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        Self {
            name: name.to_owned(),
            features,
        }
    }
}

/// The crates of the workspace that a manifest belongs to.
fn read(manifest: &Path) -> Result<Vec<Guest>> {
    let mut command = cargo::guest();
    command.args([
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
    ]);
    let text = process::output(command.arg(manifest))?;
    let metadata: Value = serde_json::from_str(&text).context("what `cargo metadata` wrote")?;
    let packages = at(&metadata, "/packages")
        .as_array()
        .context("`cargo metadata` names no package")?;
    Ok(packages.iter().filter_map(Guest::from_metadata).collect())
}

/// What one call of cargo can build: the variants of one crate are built one after
/// the other, since they share a file name; the first of each crate together.
fn batches(guests: &[Guest]) -> Vec<Vec<(&Guest, &Variant)>> {
    let most = guests
        .iter()
        .map(|guest| guest.variants.len())
        .max()
        .unwrap_or(0);
    let batch = |index: usize| {
        guests
            .iter()
            .filter_map(move |guest| Some((guest, guest.variants.get(index)?)))
            .collect()
    };
    (0..most).map(batch).collect()
}

fn build(toolchain: &Toolchain, batch: &[(&Guest, &Variant)], folder: &Path) -> Result<()> {
    let Some((first, _)) = batch.first() else {
        return Ok(());
    };
    let mut command = toolchain.build();
    command.args([
        "--message-format",
        "json-render-diagnostics",
        "--profile",
        first.profile(),
    ]);
    command
        .arg("--target-dir")
        .arg(process::target().join("wasm"));
    command.arg("--manifest-path").arg(&first.manifest);
    for (guest, variant) in batch {
        command.args(["--package", &guest.package]);
        let features = variant
            .features
            .iter()
            .map(|name| format!("{}/{name}", guest.package));
        command.args(features.flat_map(|feature| ["--features".to_owned(), feature]));
    }
    let messages = process::output(command.stderr(Stdio::inherit()))?;
    for (guest, variant) in batch {
        let built = artifact(&messages, &guest.manifest)
            .with_context(|| format!("{} has neither a cdylib nor a main", guest.package))?;
        let placed = place::atomically(&built, folder, &format!("{}.wasm", variant.name))?;
        eprintln!("x: {}", placed.display());
    }
    Ok(())
}

/// What stands at a path in JSON; null if nothing does.
fn at<'json>(value: &'json Value, path: &str) -> &'json Value {
    static NOTHING: Value = Value::Null;
    value.pointer(path).unwrap_or(&NOTHING)
}

/// The component among what cargo says it built.
fn artifact(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = |message: &Value| {
        at(message, "/reason") == "compiler-artifact"
            && at(message, "/manifest_path").as_str().map(Path::new) == Some(manifest)
    };
    messages.filter(ours).find_map(|message| {
        let files = at(&message, "/filenames")
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        files
            .map(PathBuf::from)
            .find(|file| file.extension().is_some_and(|end| end == "wasm"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variants_of_a_crate_go_into_different_batches() {
        let package = |name: &str, guest: Value| {
            let manifest = format!("/x/{name}/Cargo.toml");
            let targets = json!([{"crate_types": ["cdylib"]}]);
            let package = json!({"name": name, "manifest_path": manifest, "targets": targets, "metadata": guest});
            Guest::from_metadata(&package).unwrap()
        };
        let variants = json!({"guest": {"variants": {"rule-a": [], "rule-b": ["b"]}}});
        let guests = [package("plain", Value::Null), package("rule", variants)];
        let names: Vec<Vec<&str>> = batches(&guests)
            .iter()
            .map(|batch| {
                batch
                    .iter()
                    .map(|(_, variant)| variant.name.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(names, [vec!["plain", "rule-a"], vec!["rule-b"]]);
        assert_eq!(guests[1].variants[1].features, ["b"]);
    }
}
