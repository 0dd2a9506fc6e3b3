//! From a file's bytes to a guest that is known to fit: compiled, its imports
//! offered, and either its exports ours or it a WASI command.

mod error;
mod layer;
mod names;

pub use error::ModuleError;
pub(super) use layer::{Layer, PORTING, layer};
pub(super) use names::is_offered;

use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi::p2::bindings::CommandPre;

use super::bindings::Server;
use super::bindings::exports::rustus::hooks::{
    notifications, pre_create, pre_finish, pre_get, pre_terminate, sink,
};
use super::cache::CompileCache;
use super::command::{Program, core_linker};
use super::instance::{CallState, Exports, Plugin};
use super::limits::{Limits, MIB};
use super::subscription::Subscription;
use names::{Role, check_imports, interface, role};

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
                let subscription = Subscription::of(&exports);
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
