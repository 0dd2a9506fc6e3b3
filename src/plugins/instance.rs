//! What holds a guest, and one live instance of a plugin.

use std::sync::Arc;

use rustus_events::{Event, RequestState};
use wasmtime::component::{Instance, InstancePre, ResourceTable};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::WasiHttpCtx;

use super::bindings::exports::rustus::hooks::{
    notifications, pre_create, pre_finish, pre_get, pre_terminate, sink,
};
use super::capability::{Lent, Outgoing};
use super::engine::PluginEngine;
use super::failure::Failure;
use super::limits::{Limits, MIB};
use super::meter::Meter;
use super::output::{Output, Speaker};

/// What one instance may hold of the host at a time: requests, their fields and
/// bodies, streams, timers. 64 requests of `wasi:http` at once need some hundreds.
const RESOURCES: usize = 4096;

/// What the host keeps for one instance.
pub(super) struct CallState {
    /// Serves core modules (WASI 0.1) and components (0.2) alike.
    wasi: WasiP1Ctx,
    meter: Meter,
    output: Output,
    http: WasiHttpCtx,
    outgoing: Outgoing,
    lent: Arc<Lent>,
    /// What caused the event that the guest works on.
    request: Option<Arc<RequestState>>,
}

impl CallState {
    /// The header fields of the request that caused the event at hand.
    pub(super) fn request_headers(&self) -> &[(String, String)] {
        self.request
            .as_ref()
            .map_or(&[], |request| &request.headers)
    }

    pub(super) const fn output(&self) -> &Output {
        &self.output
    }

    /// What the plugin may use.
    pub(super) const fn lent(&self) -> &Arc<Lent> {
        &self.lent
    }

    /// The parts that `wasi:http` works on.
    pub(super) fn http_parts(&mut self) -> (&mut WasiHttpCtx, &mut ResourceTable, &mut Outgoing) {
        (&mut self.http, self.wasi.ctx().table, &mut self.outgoing)
    }

    pub(super) const fn wasi(&mut self) -> &mut WasiP1Ctx {
        &mut self.wasi
    }

    /// Whether the guest was denied memory in this call.
    pub(super) const fn was_denied_memory(&self) -> bool {
        self.meter.was_denied()
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// The exports of ours that a component has, looked up once when it is loaded.
#[derive(Clone, Default)]
pub(super) struct Exports {
    pub(super) pre_create: Option<pre_create::GuestIndices>,
    pub(super) pre_finish: Option<pre_finish::GuestIndices>,
    pub(super) pre_get: Option<pre_get::GuestIndices>,
    pub(super) pre_terminate: Option<pre_terminate::GuestIndices>,
    pub(super) notifications: Option<notifications::GuestIndices>,
    pub(super) sink: Option<sink::GuestIndices>,
}

/// What all instances of one generation share.
pub(super) struct Blueprint {
    /// Keeps the clock that interrupts guests going for as long as one can be
    /// called.
    pub(super) engine: Arc<PluginEngine>,
    pub(super) limits: Limits,
    pub(super) speaker: Arc<Speaker>,
    pub(super) lent: Arc<Lent>,
}

/// A component with exports of ours, ready to be instantiated.
pub(super) struct Plugin {
    pub(super) pre: InstancePre<CallState>,
    pub(super) exports: Exports,
}

/// An instance with its store and the functions that it exports.
pub(super) struct Live {
    pub(super) store: Store<CallState>,
    pub(super) functions: Functions,
}

/// The functions of an instance.
pub(super) struct Functions {
    pub(super) pre_create: Option<pre_create::Guest>,
    pub(super) pre_finish: Option<pre_finish::Guest>,
    pub(super) pre_get: Option<pre_get::Guest>,
    pub(super) pre_terminate: Option<pre_terminate::Guest>,
    pub(super) notifications: Option<notifications::Guest>,
    pub(super) sink: Option<sink::Guest>,
}

impl Plugin {
    /// Makes an instance. What its initialisers compute counts as part of the
    /// call that needed it.
    pub(super) async fn instantiate(
        &self,
        blueprint: &Blueprint,
        event: Option<&Event>,
    ) -> Result<Live, Failure> {
        let mut store = blueprint.store(|_| {});
        blueprint.begin_call(&mut store, event);
        // What runs at the start does not work on an event yet.
        let request = store.data_mut().request.take();
        let instance = match self.pre.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(blueprint.failure(&store, &error, Failure::Instantiate)),
        };
        store.data_mut().request = request;
        let functions = self
            .functions(&mut store, &instance)
            .map_err(|error| Failure::Contract(on_one_line(&error)))?;
        Ok(Live { store, functions })
    }

    fn functions(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<Functions> {
        macro_rules! load {
            ($export:ident) => {
                self.exports
                    .$export
                    .as_ref()
                    .map(|indices| indices.load(&mut *store, instance))
                    .transpose()?
            };
        }
        Ok(Functions {
            pre_create: load!(pre_create),
            pre_finish: load!(pre_finish),
            pre_get: load!(pre_get),
            pre_terminate: load!(pre_terminate),
            notifications: load!(notifications),
            sink: load!(sink),
        })
    }
}

impl Blueprint {
    /// Renews what a call may use, and says which event it is about; none for a
    /// start.
    pub(super) fn begin_call(&self, store: &mut Store<CallState>, event: Option<&Event>) {
        let data = store.data_mut();
        data.meter.begin_call(self.limits.cpu_time);
        let (id, upload) = event.map_or(("start", "start"), |event| (&event.id, &event.upload.id));
        data.output.begin_call(id, upload, self.limits.output);
        data.request = event.map(|event| Arc::clone(&event.request));
        // The deadline is set here and not when the store is made: ticks go by
        // while an instance waits for its next call.
        store.set_epoch_deadline(1);
    }

    /// What an error of wasmtime means. `other` says what it is when it is none
    /// of the limits.
    pub(super) fn failure(
        &self,
        store: &Store<CallState>,
        error: &wasmtime::Error,
        other: fn(String) -> Failure,
    ) -> Failure {
        let meter = &store.data().meter;
        if meter.out_of_cpu() {
            return Failure::CpuTime {
                limit: self.limits.cpu_time,
            };
        }
        // A guest that is denied memory ends itself in its own way; why it
        // did is known here only.
        if meter.was_denied() {
            return self.out_of_memory();
        }
        if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
            return Failure::PoolFull(full.to_string());
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Failure::StackOverflow,
            Some(_) => Failure::Trap(on_one_line(error)),
            None => other(on_one_line(error)),
        }
    }

    /// What it is when the guest was denied memory.
    pub(super) const fn out_of_memory(&self) -> Failure {
        Failure::OutOfMemory {
            limit_mib: self.limits.memory / MIB,
        }
    }

    /// A store with all limits, for one instance. `dress` adds to what the guest
    /// finds there, which is nothing but clocks, chance, stdout and stderr.
    pub(super) fn store(&self, dress: impl FnOnce(&mut WasiCtxBuilder)) -> Store<CallState> {
        let output = Output::new(Arc::clone(&self.speaker));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(output.stdout())
            .stderr(output.stderr())
            .max_random_size(self.limits.host_allocation as u64)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        dress(&mut wasi);
        let mut wasi = wasi.build_p1();
        wasi.ctx().table.set_max_capacity(RESOURCES);
        let mut store = Store::new(
            self.engine.get(),
            CallState {
                wasi,
                meter: Meter::new(&self.limits, Arc::clone(&self.lent.tally)),
                outgoing: Outgoing::new(
                    Arc::clone(&self.lent),
                    output.clone(),
                    self.limits.host_allocation,
                ),
                output,
                http: WasiHttpCtx::new(),
                lent: Arc::clone(&self.lent),
                request: None,
            },
        );
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(self.limits.host_allocation);
        store.epoch_deadline_callback(|mut context| {
            Ok(if context.data_mut().meter.tick() {
                UpdateDeadline::Yield(1)
            } else {
                UpdateDeadline::Interrupt
            })
        });
        store
    }
}

/// An error with its causes and the guest's stack, as one line of a log.
fn on_one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

impl Live {
    /// Whether it can serve another call: it answered, and holds little.
    pub(super) fn is_worn(&self) -> bool {
        self.store.data().meter.is_worn()
    }

    /// Flushes what the call wrote, and forgets what it was about.
    pub(super) fn end_call(&mut self) {
        let data = self.store.data_mut();
        data.output.end_call();
        data.request = None;
    }
}
