#[path = "../../src/server/chunked.rs"]
mod chunked;
#[path = "../../src/server/framing.rs"]
mod framing;
#[path = "../../src/server/proxy.rs"]
mod proxy;

#[path = "checks/server.rs"]
pub mod checks;
