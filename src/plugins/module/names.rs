//! The names of what a component exports and imports: which are ours, in which
//! version, and which the server offers.

use std::fmt::Write as _;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::ModuleError;

/// The package that plugins are built against, and the version served.
pub(super) const PACKAGE: &str = "rustus:hooks";
pub(super) const VERSION: &str = "0.1.0";

/// The interfaces that a plugin may export.
const EXPORTS: [&str; 6] = [
    "pre-create",
    "pre-finish",
    "pre-get",
    "pre-terminate",
    "notifications",
    "sink",
];

/// What a component is there for.
pub(super) enum Role {
    Plugin,
    Command,
}

pub(super) fn role(component: &Component, engine: &Engine) -> Result<Role, ModuleError> {
    let ty = component.component_type();
    let names: Vec<&str> = ty.exports(engine).map(|(name, _)| name).collect();
    check_versions(names.iter().copied())?;
    if names.iter().any(|name| is_ours(name)) {
        return Ok(Role::Plugin);
    }
    if names
        .iter()
        .any(|name| name.starts_with("wasi:cli/run@0.2."))
    {
        return Ok(Role::Command);
    }
    Err(ModuleError::NoExport {
        expected: EXPORTS.map(interface).join(", "),
        found: listed(names.into_iter()),
    })
}

pub(super) fn check_imports(component: &Component, engine: &Engine) -> Result<(), ModuleError> {
    let ty = component.component_type();
    let names: Vec<&str> = ty.imports(engine).map(|(name, _)| name).collect();
    check_versions(names.iter().copied())?;
    let missing = listed(names.into_iter().filter(|name| !is_offered(name)));
    if missing == "nothing" {
        return Ok(());
    }
    Err(ModuleError::Import { missing })
}

/// Whether `name` is an import that the linker has. The version within WASI 0.2
/// is the linker's own matter.
pub(in crate::plugins) fn is_offered(name: &str) -> bool {
    const WASI: [&str; 7] = [
        "cli",
        "clocks",
        "filesystem",
        "http",
        "io",
        "random",
        "sockets",
    ];
    const OURS: [&str; 8] = [
        "log",
        "config",
        "secrets",
        "request-headers",
        "types",
        "amqp",
        "grpc",
        "kafka",
    ];
    let wasi = || {
        let (package, rest) = name.strip_prefix("wasi:")?.split_once('/')?;
        let (_, version) = rest.split_once('@')?;
        Some(WASI.contains(&package) && version.starts_with("0.2."))
    };
    OURS.iter().any(|ours| interface(ours) == name) || wasi().unwrap_or(false)
}

/// Names of our package with another version than ours.
fn check_versions<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), ModuleError> {
    let strange = names.filter(|name| {
        name.strip_prefix(PACKAGE)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|rest| !rest.ends_with(&format!("@{VERSION}")))
    });
    match listed(strange) {
        none if none == "nothing" => Ok(()),
        found => Err(ModuleError::Version { found }),
    }
}

fn is_ours(name: &str) -> bool {
    EXPORTS.iter().any(|export| interface(export) == name)
}

pub(super) fn interface(name: &str) -> String {
    format!("{PACKAGE}/{name}@{VERSION}")
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for name in names {
        let separator = if list.is_empty() { "" } else { ", " };
        // Writing to a string can't fail.
        if write!(list, "{separator}`{name}`").is_err() {
            break;
        }
    }
    if list.is_empty() {
        "nothing".clone_into(&mut list);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_of_wit_that_a_plugin_may_import_is_offered() {
        let worlds = include_str!("../../../wit/worlds.wit");
        let imports = worlds.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("import ")?;
            name.strip_suffix(';')
        });
        let imports: Vec<&str> = imports.collect();
        assert!(imports.contains(&"request-headers"), "{imports:?}");
        for name in imports {
            assert!(is_offered(&interface(name)), "{name}");
        }
        assert!(!is_offered(&interface("files")));
    }
}
