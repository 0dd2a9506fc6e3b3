//! Command hooks: WASI commands (`main`, arguments, stdin, exit code) in the
//! place of executable hook files.
//!
//! A command is run once for an event, in an instance of its own and under the
//! limits of any plugin. It gets the event as JSON, in its arguments and on
//! stdin, and three variables; of the server's environment it gets nothing.
//! How it ends is read as an answer of the contract (`answer.rs`), so that
//! nobody above tells a command from a plugin.

mod answer;
mod program;

use rustus_events::{Event, Format};
use wasmtime::Store;
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;

use super::failure::Failure;
use super::instance::{Blueprint, CallState};

pub(super) use program::{Program, ProgramError, core_linker};

/// A command with the manner in which it is called.
pub(super) struct Command {
    pub(super) program: Program,
    /// What the program finds as its own name, so that `$1` is the first
    /// argument as in a script.
    pub(super) file: String,
    /// Whether the event's name stands before the JSON: one module for all
    /// events has to be told which it is.
    pub(super) names_event: bool,
    pub(super) format: Format,
}

/// How a run ended.
pub(super) struct Exit {
    /// 0 when all is well.
    pub(super) code: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Whether more was written than is kept.
    cut: bool,
    format: Format,
}

impl Command {
    /// Makes an instance and runs nothing: whether it can be made at all.
    pub(super) async fn start(&self, blueprint: &Blueprint) -> Result<(), Failure> {
        let mut store = blueprint.store(|_| {});
        blueprint.begin_call(&mut store, None);
        match self.program.instantiate(&mut store).await {
            Ok(_) => Ok(()),
            Err(error) => Err(blueprint.failure(&store, &error, Failure::Instantiate)),
        }
    }

    /// Runs it once.
    pub(super) async fn run(&self, blueprint: &Blueprint, event: &Event) -> Result<Exit, Failure> {
        let mut store = blueprint.store(|wasi| self.dress(wasi, event));
        blueprint.begin_call(&mut store, Some(event));
        store.data().output().keep();
        let code = self.call(blueprint, &mut store).await?;
        let kept = store.data().output().take_kept();
        Ok(Exit {
            code,
            stdout: kept.stdout,
            stderr: kept.stderr,
            cut: kept.cut,
            format: self.format,
        })
    }

    async fn call(
        &self,
        blueprint: &Blueprint,
        store: &mut Store<CallState>,
    ) -> Result<i32, Failure> {
        let program = match self.program.instantiate(store).await {
            Ok(program) => program,
            Err(error) => return Err(blueprint.failure(store, &error, Failure::Instantiate)),
        };
        let ended = program.run(store).await;
        store.data().output().end_call();
        match ended {
            // Most programs that get no memory end themselves with a code.
            Ok(code) if code != 0 && store.data().was_denied_memory() => {
                Err(blueprint.out_of_memory())
            }
            Ok(code) => Ok(code),
            Err(error) => Err(blueprint.failure(store, &error, Failure::Trap)),
        }
    }

    /// Arguments, variables and stdin.
    fn dress(&self, wasi: &mut WasiCtxBuilder, event: &Event) {
        let json = self.format.body(event);
        wasi.arg(&self.file);
        if self.names_event {
            wasi.arg(event.kind.name());
        }
        wasi.arg(&json);
        let upload = &event.upload;
        wasi.env("TUS_ID", &upload.id)
            // 0 for a length that is not known yet, as tusd has it.
            .env("TUS_SIZE", upload.length.unwrap_or(0).to_string())
            .env("TUS_OFFSET", upload.offset.to_string())
            .stdin(MemoryInputPipe::new(json));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustus_events::MetadataEntry;

    use super::super::bindings::exports::rustus::hooks::pre_create::CreateDecision;
    use super::super::directory::Place;
    use super::super::events::EventKind;
    use super::super::loader::{Calling, Loader, Source};
    use super::super::manifest::Manifest;
    use super::super::trial;

    /// A core module that ends with code 0 if its arguments have at least 1 MiB,
    /// and are all written where it wants them.
    const READS_ITS_ARGUMENTS: &str = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get"
            (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 64)
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (drop (call $get (i32.const 8) (i32.const 1024)))
            (if (i32.ne (i32.load (i32.const 0)) (i32.const 2))
                (then (call $exit (i32.const 1))))
            (if (i32.lt_u (i32.load (i32.const 4)) (i32.const 0x100000))
                (then (call $exit (i32.const 2))))
            ;; The last byte but one is the JSON's last: a brace.
            (if (i32.ne
                    (i32.load8_u (i32.add (i32.load (i32.const 4)) (i32.const 1022)))
                    (i32.const 125))
                (then (call $exit (i32.const 3))))))"#;

    #[test]
    fn an_argument_of_a_mebibyte_comes_whole() {
        let cache = tempfile::tempdir().unwrap();
        let loader = Loader::new(cache.path(), Calling::default()).unwrap();
        let source = Source {
            name: "pre-create".to_owned(),
            file: "pre-create.wasm".to_owned(),
            place: Place::Directory,
            bytes: wat::parse_str(READS_ITS_ARGUMENTS).unwrap(),
            manifest: Manifest::default(),
            secrets: Arc::default(),
            schema: None,
            tally: Arc::default(),
        };
        // What is lent has a runtime of its own, which must not end inside of one.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let loaded = runtime.block_on(loader.load(source, 1)).unwrap();
        let generation = loaded.generation;
        let mut event = trial::example(EventKind::PreCreate);
        let short = runtime.block_on(generation.pre_create(&event)).unwrap();
        assert!(matches!(short, CreateDecision::Reject(_)));
        event.upload.metadata.push(MetadataEntry {
            key: "long".to_owned(),
            value: vec![b'x'; 1024 * 1024],
        });
        let long = runtime.block_on(generation.pre_create(&event)).unwrap();
        assert!(matches!(long, CreateDecision::Proceed(_)));
    }
}
