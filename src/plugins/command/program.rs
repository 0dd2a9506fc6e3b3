//! A WASI command as a file holds it: a core module of WASI 0.1 that exports
//! `_start`, or a component of WASI 0.2 that exports `wasi:cli/run`.

use wasmtime::{InstancePre, Linker, Module, Store, TypedFunc};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p1;
use wasmtime_wasi::p2::bindings::{Command as Running, CommandPre};

use super::super::instance::CallState;
use super::super::limits::{Limits, MIB};

/// The module that a core module imports WASI from.
const WASI: &str = "wasi_snapshot_preview1";

/// Why a core module can't be a command.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Not a program.
    #[error(
        "it is a core module without `_start`, and neither a plugin nor a command; \
         build a plugin for `wasm32-wasip2`, or turn it into a component with \
         `wasm-tools component new`; build a command as a program with a `main` \
         (`GOOS=wasip1 GOARCH=wasm go build`, `cargo build --target wasm32-wasip2`)"
    )]
    NoStart,
    /// Imports what a core module can't be given.
    #[error(
        "it imports {missing}, and a core module is offered {WASI} (WASI 0.1) and nothing else; \
         remove the import and rebuild"
    )]
    Import {
        /// What is missing.
        missing: String,
    },
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
    /// An import or `_start` has another type.
    #[error("it is no WASI command: {0}")]
    Type(String),
}

/// A program, compiled and linked.
pub(in crate::plugins) enum Program {
    /// WASI 0.1.
    Core(InstancePre<CallState>),
    /// WASI 0.2.
    Component(CommandPre<CallState>),
}

/// What core modules are offered.
pub(in crate::plugins) fn core_linker(
    engine: &wasmtime::Engine,
) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_async(&mut linker, CallState::wasi)?;
    // wasmtime's own takes a code above 125 for a trap; to a hook it is a code
    // like any other.
    linker.allow_shadowing(true);
    linker.func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(I32Exit(code).into())
    })?;
    Ok(linker)
}

impl Program {
    /// Checks and links a core module.
    pub(in crate::plugins) fn core(
        linker: &Linker<CallState>,
        module: &Module,
        limits: &Limits,
    ) -> Result<Self, ProgramError> {
        if module.get_export("_start").is_none() {
            return Err(ProgramError::NoStart);
        }
        check_memory(module, limits)?;
        check_imports(module)?;
        let pre = linker
            .instantiate_pre(module)
            .map_err(|error| ProgramError::Type(format!("{error:#}")))?;
        // Otherwise the first call would do it.
        module
            .initialize_copy_on_write_image()
            .map_err(|error| ProgramError::Type(format!("{error:#}")))?;
        Ok(Self::Core(pre))
    }

    /// Makes an instance in `store`.
    pub(super) async fn instantiate(
        &self,
        store: &mut Store<CallState>,
    ) -> wasmtime::Result<Ready> {
        Ok(match self {
            Self::Core(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                Ready::Core(instance.get_typed_func(&mut *store, "_start")?)
            }
            Self::Component(pre) => Ready::Component(pre.instantiate_async(store).await?),
        })
    }
}

/// A program that is about to run.
pub(super) enum Ready {
    Core(TypedFunc<(), ()>),
    Component(Running),
}

impl Ready {
    /// Runs it to its end, and gives its exit code.
    pub(super) async fn run(self, store: &mut Store<CallState>) -> wasmtime::Result<i32> {
        let ended = match self {
            Self::Core(start) => start.call_async(store, ()).await.map(|()| 0),
            Self::Component(command) => command
                .wasi_cli_run()
                .call_run(store)
                .await
                .map(|result| i32::from(result.is_err())),
        };
        ended.or_else(|error| match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => Ok(*code),
            None => Err(error),
        })
    }
}

fn check_memory(module: &Module, limits: &Limits) -> Result<(), ProgramError> {
    /// What memories are counted in.
    const PAGE: u64 = 64 * 1024;
    let pages = module.resources_required().max_initial_memory_size;
    let bytes = pages.unwrap_or(0).saturating_mul(PAGE);
    let needs = usize::try_from(bytes).unwrap_or(usize::MAX);
    if needs > limits.memory {
        return Err(ProgramError::Memory {
            needs: needs.div_ceil(MIB),
            limit: limits.memory / MIB,
        });
    }
    Ok(())
}

fn check_imports(module: &Module) -> Result<(), ProgramError> {
    let mut missing: Vec<_> = module
        .imports()
        .filter(|import| import.module() != WASI)
        .map(|import| format!("`{}`", import.module()))
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(ProgramError::Import {
        missing: missing.join(", "),
    })
}
