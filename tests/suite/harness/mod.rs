//! The parts that the tests are made of.

pub mod admin;
pub mod amqp;
pub mod celery;
pub mod certificate;
pub mod collector;
pub mod directory;
pub mod docker_registry;
pub mod fastapi;
pub mod grpc;
pub mod guarded;
pub mod guests;
pub mod http2;
pub mod kafka;
pub mod log;
pub mod markdown;
pub mod nginx;
pub mod programs;
pub mod project;
pub mod rabbitmq;
pub mod receiver;
pub mod server;
pub mod sigstore;
pub mod trace;
pub mod transcript;
pub mod tus;
pub mod wire;

/// How often a test repeats what it repeats: `all` in a soak run, else a share
/// of it that fits the time of everyday.
pub fn rounds(all: usize, share: usize) -> usize {
    match std::env::var_os("RUSTUS_SOAK") {
        Some(_) => all,
        None => share,
    }
}

/// Waits until `condition` holds. The bound is there to end a test that would
/// never end; nothing is measured by it.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < until, "never came true: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// The same for what takes as long as there is of it: it ends when `size` has not
/// grown for a minute.
pub fn eventually_as_it_grows(what: &str, size: impl Fn() -> usize, condition: impl Fn() -> bool) {
    let (mut largest, mut since) = (0, std::time::Instant::now());
    while !condition() {
        let now = size();
        if now > largest {
            (largest, since) = (now, std::time::Instant::now());
        }
        assert!(
            since.elapsed() < server::PATIENCE,
            "stopped at {largest}: {what}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What TLS stands on has to be chosen once in a process.
pub fn use_one_tls_provider() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tokio_rustls::rustls::crypto::ring::default_provider()
            .install_default()
            .unwrap();
    });
}
