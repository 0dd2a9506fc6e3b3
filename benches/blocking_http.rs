//! What a blocking HTTP hook costs: `pre-create` of the sink `http`, asked through
//! the whole host, against the same request made by a plain reqwest client in the
//! same process. Both ask a service on this machine that answers at once, so that
//! there is as little as possible beside what the host adds.
//!
//! `./x bench --only blocking-http` builds the guest first and runs this.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used
)]

#[path = "decision/event.rs"]
mod event;

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use criterion::{Criterion, criterion_group, criterion_main};
use rustus::plugins::{EventKind, HostConfig, Watched};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/guests/http.wasm");

/// The fields and the body of a request.
type Request = (Vec<(String, String)>, Vec<u8>);

/// A service that answers everything with `{}`, on a thread of its own.
struct Service {
    address: SocketAddr,
    last: Arc<Mutex<Option<Request>>>,
    _runtime: Runtime,
}

impl Service {
    fn start() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let last = Arc::new(Mutex::new(None));
        let heard = Arc::clone(&last);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, Arc::clone(&heard)));
            }
        });
        Self {
            address,
            last,
            _runtime: runtime,
        }
    }

    /// The request that came last.
    fn last(&self) -> Request {
        self.last.lock().unwrap().clone().unwrap()
    }
}

async fn serve(stream: TcpStream, heard: Arc<Mutex<Option<Request>>>) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let mut fields = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            fields.push((name.to_owned(), value.to_owned()));
        }
        let length = fields.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        *heard.lock().unwrap() = Some((fields, body));
        stream.get_mut().write_all(ANSWER).await.unwrap();
        line.clear();
    }
}

fn hosted(service: &Service, directory: &tempfile::TempDir) -> Watched {
    let hooks = directory.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    fs::copy(GUEST, hooks.join("http.wasm")).expect("`./x guests` builds what this measures");
    let url = format!("http://{}", service.address);
    let manifest = format!(
        "instances = \"reuse\"\ntrial = false\n[config]\nurls = [\"{url}/hook\"]\nformat = \"default\"\ntimeout-ms = 2000\n\
         [allow.http]\nservers = [\"{url}\"]\n"
    );
    fs::write(hooks.join("http.toml"), manifest).unwrap();
    Watched::start(HostConfig {
        directory: Some(hooks),
        compile_cache: directory.path().join("cache"),
        ..HostConfig::default()
    })
    .unwrap()
}

fn blocking_http(criterion: &mut Criterion) {
    tokio_rustls::rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    let service = Service::start();
    let directory = tempfile::tempdir().unwrap();
    let watched = hosted(&service, &directory);
    let set = watched.registry().current();
    let plugin = set.asked(EventKind::PreCreate).next().unwrap();
    // What an actix worker is.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let event = event::event();
    let mut group = criterion.benchmark_group("blocking HTTP hook");

    group.bench_function("the sink", |bencher| {
        bencher.iter(|| runtime.block_on(plugin.pre_create(&event)).unwrap());
    });

    let (fields, body) = service.last();
    let client = reqwest::Client::new();
    let url = format!("http://{}/hook", service.address);
    let ask = || async {
        let mut request = client.post(&url).body(body.clone());
        for (name, value) in &fields {
            if !["host", "content-length"].contains(&name.as_str()) {
                request = request.header(name, value);
            }
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap()
    };
    group.bench_function("a plain client", |bencher| {
        bencher.iter(|| runtime.block_on(ask()));
    });
    let sorted = |(mut fields, body): Request| {
        fields.sort();
        (fields, body)
    };
    assert_eq!(
        sorted(service.last()),
        sorted((fields.clone(), body.clone()))
    );
    group.finish();
}

criterion_group!(benches, blocking_http);
criterion_main!(benches);
