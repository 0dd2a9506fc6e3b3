//! What a module exports and imports, whether it fits or not.

use std::time::{Duration, Instant};

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use super::cache::CompileCache;
use super::module::{Layer, ModuleError, is_offered, layer};

/// What core modules import WASI from.
const CORE_WASI: &str = "wasi_snapshot_preview1";

/// A module taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anatomy {
    /// Whether it is a component; else it is a core module.
    pub is_component: bool,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The names of its imports; of a core module those of the modules that it
    /// imports from.
    pub imports: Vec<String>,
    /// Those of the imports that the server does not offer.
    pub missing: Vec<String>,
    /// Whether it was compiled now, and not found in the compile cache.
    pub compiled: bool,
    /// How long it took to get its code.
    pub took: Duration,
}

impl Anatomy {
    pub(super) fn of(
        engine: &Engine,
        cache: &CompileCache,
        bytes: &[u8],
        digest: &str,
    ) -> Result<Self, ModuleError> {
        let started = Instant::now();
        let invalid = |error: wasmtime::Error| ModuleError::Invalid(format!("{error:#}"));
        match layer(bytes)? {
            Layer::Component => {
                let code = cache.code::<Component>(engine, bytes, digest);
                let (component, compiled) = code.map_err(invalid)?;
                let took = started.elapsed();
                let ty = component.component_type();
                let imports: Vec<_> = owned(ty.imports(engine).map(|(name, _)| name));
                Ok(Self {
                    is_component: true,
                    exports: owned(ty.exports(engine).map(|(name, _)| name)),
                    missing: without(&imports, is_offered),
                    imports,
                    compiled,
                    took,
                })
            }
            Layer::Core => {
                let code = cache.code::<Module>(engine, bytes, digest);
                let (module, compiled) = code.map_err(invalid)?;
                let took = started.elapsed();
                let mut imports = owned(module.imports().map(|import| import.module()));
                imports.sort();
                imports.dedup();
                Ok(Self {
                    is_component: false,
                    exports: owned(module.exports().map(|export| export.name())),
                    missing: without(&imports, |name| name == CORE_WASI),
                    imports,
                    compiled,
                    took,
                })
            }
        }
    }
}

fn owned<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(str::to_owned).collect()
}

fn without(names: &[String], offered: impl Fn(&str) -> bool) -> Vec<String> {
    let missing = names.iter().filter(|name| !offered(name));
    missing.cloned().collect()
}
