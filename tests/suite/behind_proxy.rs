//! A proxy in front: what it says is believed only if it is to be, and no byte
//! is lost on the way.

use crate::harness::eventually;
use crate::harness::nginx::Nginx;
use crate::harness::programs::is_there;
use crate::harness::server::{Server, Setup};
use crate::harness::tus::{Tus, header};
use crate::harness::wire::{End, Wire};

#[test]
fn what_a_proxy_says_counts_only_behind_one() {
    for (arguments, expected) in [
        (&[][..], None),
        (&["--behind-proxy"], Some("https://up.example/api/files/")),
    ] {
        let server = Setup::new().arguments(arguments).start();
        let tus = Tus::new(server.files());
        let created = tus.post(&[
            ("Upload-Length", "0"),
            ("X-Forwarded-Host", "up.example"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Prefix", "/api"),
        ]);
        let own = format!("{}/", server.files());
        let location = header(&created, "location");
        assert!(location.starts_with(expected.unwrap_or(&own)), "{location}");

        let created = tus.post(&[
            ("Upload-Length", "0"),
            (
                "Forwarded",
                "host=evil, for=1.2.3.4;host=up.example;proto=https",
            ),
        ]);
        let location = header(&created, "location");
        let forwarded = location.starts_with("https://up.example/files/");
        assert_eq!(forwarded, expected.is_some(), "{location}");
    }
}

/// nginx as docs/operators.md sets it up, but for the buffering of requests.
fn nginx(server: &Server, buffering: &str) -> Nginx {
    Nginx::before(
        server.address(),
        &format!(
            "proxy_request_buffering {buffering};
             proxy_set_header X-Forwarded-Host $http_host;
             proxy_set_header X-Forwarded-Proto $scheme;
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
        ),
    )
}

const LENGTH: usize = 3_000_000;
const HALF: usize = LENGTH / 2;

/// Bytes of the second half that are sent before the client breaks off: more
/// than the server holds back before it writes.
const SENT: usize = 1_000_000;

fn content() -> Vec<u8> {
    (0..LENGTH).map(|offset| (offset % 251) as u8).collect()
}

/// An upload whose first half went through nginx as a whole, and its path.
fn half_an_upload(nginx: &Nginx) -> (Tus, String, String) {
    let front = format!("http://{}", nginx.address());
    let tus = Tus::new(format!("{front}/files"));
    let url = tus.create(LENGTH as u64);
    let path = url.strip_prefix(&front).unwrap().to_owned();
    let patched = tus.patch(&url, 0, content()[..HALF].to_vec());
    assert_eq!(patched.status(), 204);
    assert_eq!(tus.offset(&url), HALF as u64);
    (tus, url, path)
}

/// Uploads what is missing.
fn resume(tus: &Tus, url: &str) {
    eventually("the upload can be resumed", || {
        let offset = tus.offset(url);
        let rest = content()[usize::try_from(offset).unwrap()..].to_vec();
        tus.patch(url, offset, rest).status() == 204
    });
    assert!(tus.get(url).bytes().unwrap() == content());
}

#[test]
fn an_upload_cut_off_behind_nginx_without_buffering_keeps_its_bytes() {
    if !is_there("nginx", "-v") {
        return;
    }
    let server = Setup::new().argument("--behind-proxy").start();
    let nginx = nginx(&server, "off");
    for end in [End::Fin, End::Rst] {
        let (tus, url, path) = half_an_upload(&nginx);
        let head = Wire::patch_head(&path, HALF as u64, HALF);
        let wire = Wire::open(nginx.address(), &head, &content()[HALF..HALF + SENT]);
        // All but a buffer of the server, and what nginx and the kernel hold.
        let seen = (HALF + SENT / 2) as u64;
        // Looked at in the directory: to ask the server would end the append.
        eventually("bytes come through", || {
            server.stored_bytes(&url).len() as u64 >= seen
        });
        wire.end(end);
        // The lock is free when the PATCH has ended.
        assert_eq!(tus.patch(&url, LENGTH as u64, "").status(), 409);
        let kept = tus.offset(&url);
        assert!(
            kept >= seen && kept <= (HALF + SENT) as u64,
            "{end:?} {kept}"
        );
        resume(&tus, &url);
    }
}

#[test]
fn an_upload_goes_through_nginx_with_buffering_in_whole_patches() {
    if !is_there("nginx", "-v") {
        return;
    }
    let server = Setup::new().argument("--behind-proxy").start();
    let nginx = nginx(&server, "on");
    for end in [End::Fin, End::Rst] {
        let (tus, url, path) = half_an_upload(&nginx);
        let head = Wire::patch_head(&path, HALF as u64, HALF);
        // nginx keeps what came to itself, and what becomes of it when the
        // client breaks off is nginx's business; but the upload goes on.
        let wire = Wire::open(nginx.address(), &head, &content()[HALF..HALF + SENT]);
        wire.end(end);
        resume(&tus, &url);
    }
}

#[test]
fn a_checksum_in_a_trailer_is_missed_because_nginx_drops_it() {
    if !is_there("nginx", "-v") {
        return;
    }
    let server = Setup::new().start();
    let tus = Tus::new(server.files());
    let patch = |address, status: &str| {
        let url = tus.create(3);
        let path = url.strip_prefix(&server.origin()).unwrap();
        let head = Wire::patch_head(path, 0, 0)
            .replace("Content-Length: 0", "Transfer-Encoding: chunked")
            + "Trailer: Upload-Checksum\nConnection: close\n";
        let body = b"3\r\nabc\r\n0\r\nUpload-Checksum: md5 kAFQmDzST7DWlj99KOF/cg==\r\n\r\n";
        let answer = Wire::open(address, &head, body).read_to_end();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert_eq!(tus.offset(&url), if status == "204" { 3 } else { 0 });
    };
    patch(server.address(), "204");
    patch(nginx(&server, "off").address(), "400");
    patch(nginx(&server, "on").address(), "400");
}
