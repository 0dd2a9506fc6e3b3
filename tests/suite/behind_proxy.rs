//! A proxy in front: what it says is believed only if it is to be, and no byte
//! is lost on the way.

use std::time::Duration;

use crate::harness::eventually;
use crate::harness::nginx::Nginx;
use crate::harness::programs::is_there;
use crate::harness::server::Setup;
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

#[test]
fn uploads_go_through_nginx_with_and_without_buffering() {
    if !is_there("nginx", "-v") {
        return;
    }
    for buffering in ["on", "off"] {
        let server = Setup::new().argument("--behind-proxy").start();
        let nginx = Nginx::before(
            server.address(),
            &format!(
                "proxy_request_buffering {buffering};
                 proxy_set_header X-Forwarded-Host $http_host;
                 proxy_set_header X-Forwarded-Proto $scheme;
                 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
            ),
        );
        let front = format!("http://{}", nginx.address());
        let tus = Tus::new(format!("{front}/files"));
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let url = tus.create(content.len() as u64);
        assert!(url.starts_with(&front), "{url}");
        let half = content.len() / 2;
        assert_eq!(tus.patch(&url, 0, content[..half].to_vec()).status(), 204);

        // The client breaks off; nginx passes on what it has, or nothing.
        let path = url.strip_prefix(&front).unwrap();
        let head = Wire::patch_head(path, half as u64, half);
        let wire = Wire::open(nginx.address(), &head, &content[half..half + 500_000]);
        if buffering == "off" {
            eventually("bytes come through", || tus.offset(&url) > half as u64);
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
        wire.end(End::Fin);
        eventually("the upload can be resumed", || {
            let offset = tus.offset(&url);
            let rest = content[usize::try_from(offset).unwrap()..].to_vec();
            tus.patch(&url, offset, rest).status() == 204
        });
        assert_eq!(tus.get(&url).bytes().unwrap(), content);
    }
}
