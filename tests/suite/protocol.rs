//! tus 1.0: one file for each part of the protocol, one test for each row of the
//! checklist of its requirements, named after the row's id.
//!
//! All of it holds over HTTP/1.1, over HTTP/2 and behind nginx, so the same files
//! are modules three times, each time with another [`Transport`].
#![allow(clippy::duplicate_mod, reason = "that is the intention")]

mod behind_nginx;
mod over_http1;
mod over_http2;

use std::sync::Arc;

use crate::harness::nginx::Nginx;
use crate::harness::programs::is_there;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// How the requests of a test reach the server.
#[derive(Clone, Copy)]
enum Transport {
    Http1,
    Http2,
    Nginx,
}

impl Transport {
    fn setup(self) -> Setup {
        match self {
            Self::Http1 | Self::Http2 => Setup::new(),
            Self::Nginx => Setup::new().argument("--behind-proxy"),
        }
    }

    fn client(self, server: &Server) -> Tus {
        match self {
            Self::Http1 => Tus::new(server.files()),
            Self::Http2 => Tus::over_http2(server.files()),
            Self::Nginx if is_there("nginx", "-v") => {
                Tus::through(Arc::new(Nginx::without_buffering(server.address())))
            }
            // It was said that nginx is missing.
            Self::Nginx => Tus::new(server.files()),
        }
    }
}
