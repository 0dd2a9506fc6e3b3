//! What a blocking HTTP hook costs: `pre-create` of the sink `http`, asked through
//! the whole host, against the same request made by a plain reqwest client in the
//! same process. Both ask services on this machine: one that answers at once, so that
//! there is as little as possible beside what the host adds, and one with FastAPI,
//! which is what a hook is like.
//!
//! The two ask in turns, one request each: whatever the machine does meanwhile, it
//! does to both. (Criterion measures one after the other; on a machine whose speed
//! changes within seconds two equal runs of it differed by more than what is measured.)
//!
//! `./x bench --only blocking-http` builds the guest first, prepares FastAPI, and runs
//! this with `RUSTUS_BENCH_PYTHON`, the Python that has it. Without it only the first
//! service is asked.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "decision/event.rs"]
mod event;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustus::hooks::Event;
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

/// The FastAPI hook of the tests, in a process of its own. Ended when dropped.
struct FastApi {
    server: Child,
    port: u16,
}

impl FastApi {
    fn start(python: &Path) -> Self {
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python");
        let server = Command::new(python)
            .args(["-m", "uvicorn", "fastapi_hooks:app", "--no-access-log"])
            .args(["--port", &port.to_string()])
            .current_dir(scripts)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = Self { server, port };
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = started.server.try_wait().unwrap();
            assert!(ended.is_none(), "uvicorn ended: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }
}

impl Drop for FastApi {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// The sink, loaded by a host, that asks these services, each by a plugin of its name.
fn hosted(services: &[(&str, String)], directory: &tempfile::TempDir) -> Watched {
    let hooks = directory.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for (name, url) in services {
        let (server, _) = url.rsplit_once('/').unwrap();
        fs::copy(GUEST, hooks.join(format!("{name}.wasm")))
            .expect("`./x guests` builds what this measures");
        let manifest = format!(
            "instances = \"reuse\"\ntrial = false\n[config]\nurls = [\"{url}\"]\nformat = \"default\"\n\
             timeout-ms = 2000\nproxy-headers = [\"authorization\"]\n\
             [allow.http]\nservers = [\"{server}\"]\n"
        );
        fs::write(hooks.join(format!("{name}.toml")), manifest).unwrap();
    }
    Watched::start(HostConfig {
        directory: Some(hooks),
        compile_cache: directory.path().join("cache"),
        ..HostConfig::default()
    })
    .unwrap()
}

/// What is told, by a client that says who it is.
fn event() -> Event {
    let mut event = event::event();
    let token = ("authorization".to_owned(), "Bearer jwt".to_owned());
    Arc::make_mut(&mut event.request).headers.push(token);
    event
}

/// Makes the same request as the sink.
async fn ask(client: &reqwest::Client, url: &str, (fields, body): &Request) {
    let mut request = client.post(url).body(body.clone());
    for (name, value) in fields {
        if !["host", "content-length"].contains(&name.as_str()) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap();
}

/// How often to ask.
struct Turns {
    rounds: usize,
    /// Pairs of requests in a round.
    pairs: usize,
}

/// Asks in turns. Of each round the median time of the first and of the second.
fn in_turns(turns: &Turns, mut first: impl FnMut(), mut second: impl FnMut()) -> Vec<[f64; 2]> {
    let time = |ask: &mut dyn FnMut()| {
        let asked = Instant::now();
        ask();
        asked.elapsed().as_secs_f64() * 1e6
    };
    let mut round = || {
        let pairs = (0..turns.pairs).map(|_| (time(&mut first), time(&mut second)));
        let (mut first, mut second): (Vec<f64>, Vec<f64>) = pairs.unzip();
        [median(&mut first), median(&mut second)]
    };
    // Everything has been used once, and connections are open.
    round();
    (0..turns.rounds).map(|_| round()).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `MEDIAN (LEAST to MOST)`
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    let median = median(&mut values);
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let turns = Turns {
        rounds: if quick { 2 } else { 15 },
        pairs: if quick { 50 } else { 500 },
    };
    tokio_rustls::rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    let service = Service::start();
    let python = std::env::var_os("RUSTUS_BENCH_PYTHON");
    let fast_api = python.map(|python| FastApi::start(Path::new(&python)));
    let mut services = vec![("at-once", format!("http://{}/hook", service.address))];
    if let Some(fast_api) = &fast_api {
        let url = format!("http://127.0.0.1:{}/hooks", fast_api.port);
        services.push(("fastapi", url));
    }
    let directory = tempfile::tempdir().unwrap();
    let watched = hosted(&services, &directory);
    let set = watched.registry().current();
    // What an actix worker is.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let event = event();
    let client = reqwest::Client::new();
    let sorted = |(mut fields, body): Request| {
        fields.sort();
        (fields, body)
    };
    let asked = |name: &str| {
        let mut plugins = set.asked(EventKind::PreCreate);
        plugins.find(|plugin| plugin.name() == name).unwrap()
    };
    runtime
        .block_on(asked("at-once").pre_create(&event))
        .unwrap();
    let request = service.last();
    println!("| service | the sink, us | a plain client, us | ratio |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, url) in &services {
        let plugin = asked(name);
        let sink = || drop(runtime.block_on(plugin.pre_create(&event)).unwrap());
        let plain = || runtime.block_on(ask(&client, url, &request));
        let rounds = in_turns(&turns, sink, plain);
        let column =
            |of: fn(&[f64; 2]) -> f64, digits| spread(rounds.iter().map(of).collect(), digits);
        println!(
            "| {name} | {} | {} | {} |",
            column(|[sink, _]| *sink, 0),
            column(|[_, plain]| *plain, 0),
            column(|[sink, plain]| sink / plain, 2),
        );
    }
    assert_eq!(sorted(service.last()), sorted(request));
}
