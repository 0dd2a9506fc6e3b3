//! Tries the demo's server: one upload that is refused, one that is not.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// How long the server may take to listen: it compiles a plugin of 60 KB.
const START: Duration = Duration::from_secs(60);

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// What is sent as metadata, and how the status of the answer begins.
const CASES: [(&str, &str, &str); 2] = [
    ("meme = pepe", "meme cGVwZQ==", "4"),
    ("filename = hello.txt", "filename aGVsbG8udHh0", "2"),
];

/// Starts the server, tries it, and stops it.
pub(crate) fn run(mut server: Command, port: u16) -> Result<()> {
    let mut server = server.spawn().context("cannot start the server")?;
    let tried = wait(&mut server, port).and_then(|()| try_all(port));
    server
        .kill()
        .and_then(|()| server.wait())
        .context("cannot stop the server")?;
    tried
}

fn wait(server: &mut Child, port: u16) -> Result<()> {
    let end = Instant::now() + START;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = server.try_wait().context("the server is lost")? {
            bail!("the server ended by itself: {status}");
        }
        ensure!(
            Instant::now() < end,
            "the server does not listen after {START:?}"
        );
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn try_all(port: u16) -> Result<()> {
    for (shown, metadata, expected) in CASES {
        let answer = create(port, metadata).with_context(|| format!("an upload with {shown}"))?;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        println!("{shown}: {status} {body}");
        ensure!(
            status.starts_with(expected),
            "expected a status of {expected}xx"
        );
    }
    Ok(())
}

/// Creates an upload of five bytes and returns the whole answer.
fn create(port: u16, metadata: &str) -> Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(ANSWER))?;
    write!(
        connection,
        "POST /files HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Tus-Resumable: 1.0.0\r\nUpload-Length: 5\r\nUpload-Metadata: {metadata}\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 5\r\n\r\nhello"
    )?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
