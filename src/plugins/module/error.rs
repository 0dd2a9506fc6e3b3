//! Why a file can't be a guest, in words for who put it there.

use super::super::command::ProgramError;
use super::layer::PORTING;
use super::names::{PACKAGE, VERSION};

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
         log, config, secrets, request-headers, amqp, grpc and kafka of {PACKAGE}@{VERSION}, and \
         wasi:cli, wasi:clocks, wasi:filesystem, wasi:http, wasi:io, wasi:random, wasi:sockets of \
         0.2; remove the import and rebuild"
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
