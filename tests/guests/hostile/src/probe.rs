//! What a guest finds out about the place where it runs.

use std::{
    cell::Cell,
    env, fs,
    time::{SystemTime, UNIX_EPOCH},
};

use wasip2::sockets::{
    instance_network::instance_network,
    network::{ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
    tcp_create_socket::create_tcp_socket,
};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Which call of this instance it is, from 1: stays 1 where every call gets a
/// fresh instance.
pub(crate) fn count() -> u64 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// Whole seconds since 1970; 0 for a clock that stands before.
pub(crate) fn clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// How many environment variables there are.
pub(crate) fn environment_variables() -> usize {
    env::vars_os().count()
}

/// `ok` if the root directory can be read, else `err` and the error's kind, which
/// depends on the libc that the guest was built with.
pub(crate) fn files() -> String {
    let error = |error: std::io::Error| format!("err {:?}", error.kind());
    fs::read_dir("/").map_or_else(error, |_| "ok".to_owned())
}

/// `ok` if a connection to the server's own port succeeds, else `err` and the code.
pub(crate) fn network() -> String {
    connect().map_or_else(|code| format!("err {}", code.name()), |()| "ok".to_owned())
}

fn connect() -> Result<(), ErrorCode> {
    let network = instance_network();
    let address = Ipv4SocketAddress {
        port: 1081,
        address: (127, 0, 0, 1),
    };
    let socket = create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(&network, IpSocketAddress::Ipv4(address))?;
    socket.subscribe().block();
    socket.finish_connect().map(|_streams| ())
}
