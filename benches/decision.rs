//! What one decision costs: `pre-create` of a small Rust guest, asked through
//! the whole host (limits, trial, log, wall clock), against the same guest in a
//! bare wasmtime loop, which is the least that it can cost.
//!
//! `./x bench --only decision` builds the guest first and runs this.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used
)]

#[path = "decision/event.rs"]
mod event;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use rustus::hooks::Event;
use rustus::plugins::{EventKind, Generation, HostConfig, Watched};
use tokio::runtime::Runtime;

const GUEST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/guests/refuse-meme.wasm"
);

/// The guest in the host, as the server runs it.
struct Hosted {
    _watched: Watched,
    _directory: tempfile::TempDir,
    generation: Arc<Generation>,
}

fn hosted(guest: &Path, manifest: &str) -> Hosted {
    let directory = tempfile::tempdir().unwrap();
    let hooks = directory.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::copy(guest, hooks.join("guest.wasm")).expect("`./x guests` builds what this measures");
    fs::write(hooks.join("guest.toml"), manifest).unwrap();
    let watched = Watched::start(HostConfig {
        directory: Some(hooks),
        compile_cache: directory.path().join("cache"),
        ..HostConfig::default()
    })
    .unwrap();
    let set = watched.registry().current();
    let generation = set.asked(EventKind::PreCreate).next().unwrap();
    Hosted {
        generation: Arc::clone(generation),
        _watched: watched,
        _directory: directory,
    }
}

/// The guest in a loop of nothing but wasmtime: no limits, no time-outs, no log.
mod bare {
    use std::path::Path;

    use wasmtime::component::{Component, HasSelf, InstancePre, Linker, ResourceTable};
    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    wasmtime::component::bindgen!({
        path: "wit",
        world: "pre-create-hook",
        exports: { default: async },
    });

    use self::rustus::hooks::{config, log, request_headers, secrets, types};

    pub struct State {
        wasi: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView {
                ctx: &mut self.wasi,
                table: &mut self.table,
            }
        }
    }

    impl log::Host for State {
        fn write(&mut self, _: log::Level, _: String, _: Vec<log::Field>) {}
    }

    impl config::Host for State {
        fn all(&mut self) -> String {
            String::new()
        }
        fn get(&mut self, _: String) -> Option<String> {
            None
        }
    }

    impl secrets::Host for State {
        fn get(&mut self, name: String) -> Result<String, secrets::SecretError> {
            Err(secrets::SecretError::Denied(name))
        }
    }

    impl request_headers::Host for State {
        fn get(&mut self, _: String) -> Vec<String> {
            Vec::new()
        }
        fn all(&mut self) -> Vec<types::Header> {
            Vec::new()
        }
    }

    impl types::Host for State {}

    pub struct Bare {
        engine: Engine,
        pre: InstancePre<State>,
    }

    impl Bare {
        pub fn new(guest: &Path) -> Self {
            let mut config = Config::new();
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(
                PoolingAllocationConfig::new(),
            ));
            let engine = Engine::new(&config).unwrap();
            let component = Component::from_file(&engine, guest).unwrap();
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
            PreCreateHook::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).unwrap();
            let pre = linker.instantiate_pre(&component).unwrap();
            Self { engine, pre }
        }

        pub async fn instance(&self) -> (Store<State>, PreCreateHook) {
            let mut store = Store::new(
                &self.engine,
                State {
                    wasi: WasiCtx::builder().build(),
                    table: ResourceTable::new(),
                },
            );
            let instance = self.pre.instantiate_async(&mut store).await.unwrap();
            let hook = PreCreateHook::new(&mut store, &instance).unwrap();
            (store, hook)
        }
    }

    pub fn event(event: &super::Event) -> types::Event {
        let time = types::Timestamp {
            seconds: 1_700_000_000,
            nanoseconds: 0,
        };
        types::Event {
            id: event.id.clone(),
            time,
            upload: types::Upload {
                id: event.upload.id.clone(),
                offset: 0,
                length: event.upload.length,
                metadata: event
                    .upload
                    .metadata
                    .iter()
                    .map(|entry| types::MetadataEntry {
                        key: entry.key.clone(),
                        value: entry.value.clone(),
                    })
                    .collect(),
                kind: types::UploadKind::Whole,
                storage: event.upload.storage.clone().into_owned(),
                path: None,
                created_at: time,
            },
            request: types::Request {
                method: event.request.method.clone(),
                uri: event.request.uri.clone(),
                remote_address: event.request.remote_address.clone(),
            },
        }
    }
}

fn decisions(criterion: &mut Criterion) {
    // What an actix worker is.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let event = event::event();
    let mut group = criterion.benchmark_group("decision");

    let fresh = hosted(Path::new(GUEST), "");
    group.bench_function("fresh", |bencher| {
        bencher.iter(|| block_on(&runtime, fresh.generation.pre_create(&event)));
    });
    let reuse = hosted(Path::new(GUEST), "instances = \"reuse\"");
    group.bench_function("reuse", |bencher| {
        bencher.iter(|| block_on(&runtime, reuse.generation.pre_create(&event)));
    });

    let bare = bare::Bare::new(Path::new(GUEST));
    let bare_event = bare::event(&event);
    group.bench_function("bare wasmtime, fresh", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let (mut store, hook) = bare.instance().await;
                let guest = hook.rustus_hooks_pre_create();
                guest.call_decide(&mut store, &bare_event).await.unwrap()
            })
        });
    });
    let (mut store, hook) = runtime.block_on(bare.instance());
    group.bench_function("bare wasmtime, reuse", |bencher| {
        bencher.iter(|| {
            let guest = hook.rustus_hooks_pre_create();
            runtime
                .block_on(guest.call_decide(&mut store, &bare_event))
                .unwrap()
        });
    });
    group.finish();
}

/// The same of hooks in other languages: those that lie in `target/guests/hooks`,
/// such as the components that the templates of `sdk/` give.
fn languages(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let event = event::event();
    let folder = Path::new(GUEST).with_file_name("hooks");
    let mut group = criterion.benchmark_group("languages");
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        for instances in ["fresh", "reuse"] {
            let guest = hosted(&path, &format!("instances = \"{instances}\""));
            group.bench_function(format!("{name}, {instances}"), |bencher| {
                bencher.iter(|| block_on(&runtime, guest.generation.pre_create(&event)));
            });
        }
    }
    group.finish();
}

fn block_on<T, E: std::fmt::Debug>(
    runtime: &Runtime,
    future: impl Future<Output = Result<T, E>>,
) -> T {
    runtime.block_on(future).unwrap()
}

criterion_group!(benches, decisions, languages);
criterion_main!(benches);
