//! From a file's bytes to a guest that is known to fit: compiled, its imports
//! offered, and either its exports ours or it a WASI command.

use std::fmt::Write;

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi::p2::bindings::CommandPre;

use super::bindings::Server;
use super::bindings::exports::rustus::hooks::{
    notifications, pre_create, pre_finish, pre_get, pre_terminate, sink,
};
use super::cache::CompileCache;
use super::command::{Program, ProgramError, core_linker};
use super::events::{EventKind, EventSet};
use super::generation::Subscription;
use super::instance::{CallState, Exports, Plugin};
use super::limits::{Limits, MIB};

/// The package that plugins are built against, and the version served.
const PACKAGE: &str = "rustus:hooks";
const VERSION: &str = "0.1.0";

/// What the ways are to go on with a hook that is no module.
pub(super) const PORTING: &str = "nothing native is ever run; build the program as a WASI command \
    (`GOOS=wasip1 GOARCH=wasm go build`, `cargo build --target wasm32-wasip2` or the like), or write \
    a plugin with the SDK (docs/shell-hooks.md shows both)";

/// The interfaces that a plugin may export.
const EXPORTS: [&str; 6] = [
    "pre-create",
    "pre-finish",
    "pre-get",
    "pre-terminate",
    "notifications",
    "sink",
];

/// Why a module can't be a plugin or a command hook.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// Some other kind of file.
    #[error("it is no WebAssembly module but {found}; {PORTING}")]
    NotWasm {
        /// What it looks like.
        found: &'static str,
    },
    /// A core module that is no command.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The bytes are damaged or use what the engine does not know.
    #[error("it is no valid module: {0}")]
    Invalid(String),
    /// Wants more memory at the start than it may have at all.
    #[error(
        "it needs {needs} MiB of memory to start and may have {limit}; \
         set `memory-mib` under [limits] to more than {needs}"
    )]
    Memory {
        /// What it needs, in MiB, rounded up.
        needs: usize,
        /// The limit, in MiB.
        limit: usize,
    },
    /// Exports nothing that the server calls.
    #[error(
        "it exports none of {expected}, so there is nothing to ask it, and not `wasi:cli/run`, so \
         it is no command; it exports {found}; export one of them (see the guide for plugin authors)"
    )]
    NoExport {
        /// What would do.
        expected: String,
        /// What there is.
        found: String,
    },
    /// Would hear of an event twice.
    #[error(
        "it exports both `notifications` and `sink`, and would hear of an event twice; export one \
         of them"
    )]
    TwoEars,
    /// Built against another version of the contract.
    #[error(
        "it is built for {found}, and this server offers {PACKAGE}@{VERSION}; \
         rebuild it against wit/ of this server's release"
    )]
    Version {
        /// What it names.
        found: String,
    },
    /// Imports what there is not.
    #[error(
        "it imports {missing}, which this server does not offer; offered are \
         log, config, amqp, grpc and kafka of {PACKAGE}@{VERSION}, and wasi:cli, wasi:clocks, \
         wasi:filesystem, wasi:http, wasi:io, wasi:random, wasi:sockets of 0.2; remove the import \
         and rebuild"
    )]
    Import {
        /// What is missing.
        missing: String,
    },
    /// An import or export has our name but another type.
    #[error(
        "its interfaces do not fit {PACKAGE}@{VERSION}: {0}; rebuild it against wit/ of this server's release"
    )]
    Type(String),
}

/// A file that fits.
pub(super) struct Module {
    pub(super) content: Content,
    /// Whether it was compiled now, and not found in the cache.
    pub(super) compiled: bool,
}

/// What a file holds.
pub(super) enum Content {
    /// A component with exports of ours, and the events that they are for.
    Plugin(Plugin, Subscription),
    /// A WASI command.
    Command(Program),
}

/// What the server offers to every guest.
pub(super) struct Linkers {
    component: Linker<CallState>,
    core: wasmtime::Linker<CallState>,
}

impl Linkers {
    pub(super) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut component = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut component)?;
        super::capability::add_http_to_linker(&mut component)?;
        Server::add_to_linker::<_, wasmtime::component::HasSelf<_>>(&mut component, |state| state)?;
        Ok(Self {
            component,
            core: core_linker(engine)?,
        })
    }
}

impl Module {
    /// Compiles `bytes`, or takes them from the cache, and checks them.
    pub(super) fn load(
        linkers: &Linkers,
        cache: &CompileCache,
        bytes: &[u8],
        digest: &str,
        limits: &Limits,
    ) -> Result<Self, ModuleError> {
        let engine = linkers.component.engine();
        match layer(bytes)? {
            Layer::Core => {
                let (module, compiled) = cache.code(engine, bytes, digest).map_err(invalid)?;
                let program = Program::core(&linkers.core, &module, limits)?;
                Ok(Self {
                    content: Content::Command(program),
                    compiled,
                })
            }
            Layer::Component => {
                let (component, compiled) = cache.code(engine, bytes, digest).map_err(invalid)?;
                let content = Content::of(&component, &linkers.component, limits)?;
                // Otherwise the first call would do it.
                component
                    .initialize_copy_on_write_image()
                    .map_err(invalid)?;
                Ok(Self { content, compiled })
            }
        }
    }
}

impl Content {
    fn of(
        component: &Component,
        linker: &Linker<CallState>,
        limits: &Limits,
    ) -> Result<Self, ModuleError> {
        let mistyped = |error: wasmtime::Error| ModuleError::Type(format!("{error:#}"));
        check_memory(component, limits)?;
        let role = role(component, linker.engine())?;
        check_imports(component, linker.engine())?;
        let pre = linker.instantiate_pre(component).map_err(mistyped)?;
        Ok(match role {
            Role::Plugin => {
                let exports = exports(&pre)?;
                if exports.sink.is_some() && exports.notifications.is_some() {
                    return Err(ModuleError::TwoEars);
                }
                let subscription = subscription(&exports);
                Self::Plugin(Plugin { pre, exports }, subscription)
            }
            Role::Command => {
                Self::Command(Program::Component(CommandPre::new(pre).map_err(mistyped)?))
            }
        })
    }
}

fn invalid(error: wasmtime::Error) -> ModuleError {
    ModuleError::Invalid(format!("{error:#}"))
}

/// Which kind of WebAssembly a file is.
pub(super) enum Layer {
    Core,
    Component,
}

pub(super) fn layer(bytes: &[u8]) -> Result<Layer, ModuleError> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    // ELF, PE, and Mach-O for one processor and for several.
    const NATIVE: [&[u8]; 4] = [b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"];
    let found = match bytes {
        _ if bytes.starts_with(COMPONENT) => return Ok(Layer::Component),
        _ if bytes.starts_with(MODULE) => return Ok(Layer::Core),
        [] => "empty",
        _ if NATIVE.iter().any(|magic| bytes.starts_with(magic)) => "a native executable",
        _ if bytes.starts_with(b"#!") => "a script",
        _ if bytes.starts_with(b"\0asm") => "a WebAssembly file of an unknown version",
        _ if bytes.starts_with(b"(") => {
            "WebAssembly text (`wasm-tools parse` makes a binary of it)"
        }
        _ => "something else",
    };
    Err(ModuleError::NotWasm { found })
}

fn check_memory(component: &Component, limits: &Limits) -> Result<(), ModuleError> {
    /// What memories are counted in.
    const PAGE: u64 = 64 * 1024;
    let pages = component
        .resources_required()
        .and_then(|resources| resources.max_initial_memory_size)
        .unwrap_or(0);
    let needs = usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX);
    if needs > limits.memory {
        return Err(ModuleError::Memory {
            needs: needs.div_ceil(MIB),
            limit: limits.memory / MIB,
        });
    }
    Ok(())
}

/// What a component is there for.
enum Role {
    Plugin,
    Command,
}

fn role(component: &Component, engine: &Engine) -> Result<Role, ModuleError> {
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

fn check_imports(component: &Component, engine: &Engine) -> Result<(), ModuleError> {
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
pub(super) fn is_offered(name: &str) -> bool {
    const WASI: [&str; 7] = [
        "cli",
        "clocks",
        "filesystem",
        "http",
        "io",
        "random",
        "sockets",
    ];
    let ours = ["log", "config", "types", "amqp", "grpc", "kafka"].map(interface);
    let wasi = || {
        let (package, rest) = name.strip_prefix("wasi:")?.split_once('/')?;
        let (_, version) = rest.split_once('@')?;
        Some(WASI.contains(&package) && version.starts_with("0.2."))
    };
    ours.iter().any(|offered| offered == name) || wasi().unwrap_or(false)
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

fn interface(name: &str) -> String {
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

/// What a component exports is its subscription. An interface that it exports
/// only in part is an error and not a missing subscription.
fn exports(pre: &InstancePre<CallState>) -> Result<Exports, ModuleError> {
    macro_rules! indices {
        ($interface:ident, $name:literal) => {
            pre.component()
                .get_export_index(None, &interface($name))
                .map(|_| $interface::GuestIndices::new(pre))
                .transpose()
                .map_err(|error| ModuleError::Type(format!("{error:#}")))?
        };
    }
    Ok(Exports {
        pre_create: indices!(pre_create, "pre-create"),
        pre_finish: indices!(pre_finish, "pre-finish"),
        pre_get: indices!(pre_get, "pre-get"),
        pre_terminate: indices!(pre_terminate, "pre-terminate"),
        notifications: indices!(notifications, "notifications"),
        sink: indices!(sink, "sink"),
    })
}

fn subscription(exports: &Exports) -> Subscription {
    let mut asked = EventSet::EMPTY;
    for (has, kind) in [
        (exports.pre_create.is_some(), EventKind::PreCreate),
        (exports.pre_finish.is_some(), EventKind::PreFinish),
        (exports.pre_get.is_some(), EventKind::PreGet),
        (exports.pre_terminate.is_some(), EventKind::PreTerminate),
    ] {
        if has {
            asked = asked.with(kind);
        }
    }
    let told = if exports.sink.is_some() {
        EventSet::ALL
    } else if exports.notifications.is_some() {
        EventKind::ALL
            .into_iter()
            .filter(|kind| !kind.is_blocking())
            .collect()
    } else {
        EventSet::EMPTY
    };
    Subscription { asked, told }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> String {
        let bytes = wat::parse_str(text).unwrap();
        load_bytes(&bytes)
    }

    fn load_bytes(bytes: &[u8]) -> String {
        let engine = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        let linkers = Linkers::new(&engine).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let cache = CompileCache::open(&directory.path().join("cache"), &engine);
        let loaded = Module::load(&linkers, &cache, bytes, "digest", &Limits::default());
        match loaded.map(|module| module.content) {
            Ok(Content::Plugin(_, subscription)) => format!("plugin: {}", subscription.all()),
            Ok(Content::Command(_)) => "command".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_plugin_is_refused_with_what_it_is_and_what_to_do() {
        for (text, parts) in [
            (
                "(module)",
                vec!["core module without `_start`", "wasm32-wasip2"],
            ),
            (
                r#"(module (import "env" "f" (func)) (func (export "_start")))"#,
                vec![
                    "imports `env`",
                    "wasi_snapshot_preview1",
                    "remove the import",
                ],
            ),
            (
                r#"(module (memory 2000) (func (export "_start")))"#,
                vec!["needs 125 MiB", "`memory-mib`"],
            ),
            (
                r#"(module (import "wasi_snapshot_preview1" "no_such" (func))
                   (func (export "_start")))"#,
                vec!["no WASI command", "no_such"],
            ),
            (
                "(component)",
                vec![
                    "exports none of",
                    "rustus:hooks/pre-create@0.1.0",
                    "exports nothing",
                ],
            ),
            (
                r#"(component (instance $i) (export "rustus:hooks/pre-create@0.2.0" (instance $i)))"#,
                vec![
                    "built for `rustus:hooks/pre-create@0.2.0`",
                    "offers rustus:hooks@0.1.0",
                    "rebuild",
                ],
            ),
            (
                r#"(component (import "acme:kv/store@1.0.0" (instance))
                   (instance $i) (export "rustus:hooks/pre-create@0.1.0" (instance $i)))"#,
                vec![
                    "imports `acme:kv/store@1.0.0`",
                    "offered are",
                    "remove the import",
                ],
            ),
            (
                r#"(component (import "rustus:hooks/log@0.3.0" (instance))
                   (instance $i) (export "rustus:hooks/pre-create@0.1.0" (instance $i)))"#,
                vec!["built for `rustus:hooks/log@0.3.0`"],
            ),
            (
                r#"(component (instance $i) (export "rustus:hooks/pre-get@0.1.0" (instance $i)))"#,
                vec!["do not fit rustus:hooks@0.1.0", "`decide`"],
            ),
        ] {
            let message = load(text);
            for part in parts {
                assert!(message.contains(part), "{text}: {message}");
            }
        }
    }

    #[test]
    fn a_core_module_that_can_be_started_is_a_command() {
        assert_eq!(load(r#"(module (func (export "_start")))"#), "command");
    }

    #[test]
    fn bytes_that_are_no_module_are_refused_and_never_panic() {
        for (bytes, part) in [
            (&b""[..], "empty"),
            (
                b"\x7fELF\x02",
                "native executable; nothing native is ever run",
            ),
            (b"MZ\x90\0", "native executable"),
            (b"#!/bin/sh\n", "script; nothing native is ever run"),
            (b"hello", "something else"),
            (b"\0asm\x0d\0\x01\0\xff\xff", "no valid module"),
            (b"\0asm\x63\0\0\0", "unknown version"),
        ] {
            let message = load_bytes(bytes);
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_component_that_needs_too_much_memory_says_which_limit_to_raise() {
        let message = load(
            r#"(component
                (core module $m (memory (export "m") 2000) (func (export "f")))
                (core instance $c (instantiate $m))
                (func $f (canon lift (core func $c "f")))
                (instance $i (export "decide" (func $f)))
                (export "rustus:hooks/pre-get@0.1.0" (instance $i)))"#,
        );
        assert!(message.contains("needs 125 MiB"), "{message}");
        assert!(message.contains("`memory-mib`"), "{message}");
    }
}
