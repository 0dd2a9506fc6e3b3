//! What leaves the server in each format: examples to the byte, and what holds
//! for any event.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod golden;
mod properties;
mod schemas;
