//! `rustus:hooks/request-headers`: the header fields of the request that caused
//! the event.

use crate::plugins::bindings::rustus::hooks::request_headers::Host;
use crate::plugins::bindings::rustus::hooks::types::Header;
use crate::plugins::instance::CallState;

impl Host for CallState {
    fn get(&mut self, name: String) -> Vec<String> {
        self.request_headers()
            .iter()
            .filter(|(listed, _)| listed.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn all(&mut self) -> Vec<Header> {
        self.request_headers()
            .iter()
            .map(|(name, value)| Header {
                name: name.clone(),
                value: value.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wasmtime::component::{Component, HasSelf, Linker};

    use super::super::Lender;
    use crate::plugins::bindings::rustus::hooks::request_headers::add_to_linker;
    use crate::plugins::engine::PluginEngine;
    use crate::plugins::events::EventKind;
    use crate::plugins::failure::Failure;
    use crate::plugins::instance::{Blueprint, CallState, Exports, Plugin};
    use crate::plugins::limits::Limits;
    use crate::plugins::manifest::Manifest;
    use crate::plugins::trial;

    /// Ends itself if it does not get `wanted` values of `host` while it starts.
    fn asks_at_start(wanted: u32) -> Vec<u8> {
        let text = format!(
            r#"(component
              (import "rustus:hooks/request-headers@0.1.0" (instance $fields
                (export "get" (func (param "name" string) (result (list string))))))
              (core module $room
                (memory (export "memory") 1)
                (global $free (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                  (local $at i32)
                  (local.set $at (i32.and
                    (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                  (global.set $free (i32.add (local.get $at) (local.get 3)))
                  (local.get $at)))
              (core instance $room (instantiate $room))
              (core func $get (canon lower (func $fields "get")
                (memory (core memory $room "memory"))
                (realloc (core func $room "realloc"))))
              (core module $asks
                (import "host" "memory" (memory 1))
                (import "host" "get" (func $get (param i32 i32 i32)))
                (data (i32.const 0) "host")
                (func $ask
                  (call $get (i32.const 0) (i32.const 4) (i32.const 16))
                  (if (i32.ne (i32.load offset=4 (i32.const 16)) (i32.const {wanted}))
                    (then unreachable)))
                (start $ask))
              (core instance (instantiate $asks (with "host" (instance
                (export "memory" (memory $room "memory"))
                (export "get" (func $get)))))))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn there_are_none_while_an_instance_starts() {
        let engine = Arc::new(PluginEngine::new().unwrap());
        // What is lent has a runtime of its own, which must not end inside of one.
        let lender = Lender::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let lent = lender.lend(&Manifest::default(), Arc::default(), Arc::default());
        let blueprint = Blueprint {
            engine: Arc::clone(&engine),
            limits: Limits::default(),
            speaker: Arc::default(),
            lent: Arc::new(lent.unwrap()),
        };
        let mut linker: Linker<CallState> = Linker::new(engine.get());
        add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).unwrap();
        let plugin = |wanted| {
            let component = Component::new(engine.get(), asks_at_start(wanted)).unwrap();
            Plugin {
                pre: linker.instantiate_pre(&component).unwrap(),
                exports: Exports {
                    pre_create: None,
                    pre_finish: None,
                    pre_get: None,
                    pre_terminate: None,
                    notifications: None,
                    sink: None,
                },
            }
        };

        let event = trial::example(EventKind::PreCreate);
        assert_eq!(event.request.headers.len(), 1);
        for event in [None, Some(&event)] {
            let start = |plugin: Plugin| runtime.block_on(plugin.instantiate(&blueprint, event));
            let mut live = start(plugin(0)).unwrap();
            let given = event.map_or(0, |event| event.request.headers.len());
            assert_eq!(live.store.data().request_headers().len(), given);
            live.end_call();
            assert!(live.store.data().request_headers().is_empty());

            let failure = start(plugin(1)).err();
            assert!(matches!(failure, Some(Failure::Trap(_))), "{failure:?}");
        }
    }
}
