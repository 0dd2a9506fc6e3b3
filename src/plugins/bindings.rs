//! The Rust face of `wit/`: generated records, and traits for what the host
//! lends.
//!
//! The records are plain data. They are what the hooks layer speaks with this
//! one; nothing else of wasmtime leaves it.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "server",
    imports: {
        "rustus:hooks/amqp.declare": async,
        "rustus:hooks/amqp.publish": async,
        "rustus:hooks/grpc.call": async,
        "rustus:hooks/http.wait": async | trappable,
        "rustus:hooks/http": trappable,
        "rustus:hooks/kafka.send": async,
    },
    exports: { default: async },
    with: {
        "rustus:hooks/http.exchange": super::capability::HttpExchange,
    },
});
