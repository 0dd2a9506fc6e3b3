//! No acknowledged byte is lost and none is there twice, whatever ends the
//! server and whoever writes at the same time.

use crate::harness::rounds;
use crate::harness::server::Setup;
use crate::harness::tus::Tus;

/// A byte for every offset, so that a byte in the wrong place is seen.
fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|offset| ((offset * 7 + offset / 251) % 251) as u8)
        .collect()
}

#[test]
fn kill_9_during_appends_loses_no_acknowledged_byte_and_doubles_none() {
    let setup = Setup::new();
    let whole = content(600_000);
    let mut url_path = None;
    let mut acknowledged = 0_usize;
    for round in 0..rounds(1000, 200) {
        let server = setup.start();
        let tus = Tus::new(server.files());
        let url = match &url_path {
            Some(path) => format!("{}{path}", server.origin()),
            None => tus.create(whole.len() as u64),
        };
        url_path = Some(url.strip_prefix(&server.origin()).unwrap().to_owned());
        let offset = usize::try_from(tus.offset(&url)).unwrap();
        assert!(
            offset >= acknowledged,
            "round {round}: {offset} < {acknowledged}"
        );

        // Appends go on until the server is killed under them, at another
        // moment in each round.
        let appender = {
            let (tus, url, whole) = (tus.clone(), url.clone(), whole.clone());
            std::thread::spawn(move || append_until_it_breaks(&tus, &url, &whole, offset))
        };
        std::thread::sleep(std::time::Duration::from_micros(
            ((round * 37) % 50) as u64 * 200,
        ));
        server.kill();
        acknowledged = acknowledged.max(appender.join().unwrap());

        let stored = std::fs::read(data_file(&setup)).unwrap();
        assert!(stored.len() >= acknowledged, "round {round}");
        assert_eq!(
            stored,
            whole[..stored.len()],
            "round {round}: a byte is in the wrong place"
        );
        if stored.len() == whole.len() {
            std::fs::remove_dir_all(setup.path().join("data")).unwrap();
            (url_path, acknowledged) = (None, 0);
        }
    }
}

/// How much was acknowledged at the end.
fn append_until_it_breaks(tus: &Tus, url: &str, whole: &[u8], mut offset: usize) -> usize {
    while offset < whole.len() {
        let end = (offset + 3000).min(whole.len());
        let body = whole[offset..end].to_vec();
        let headers = [
            ("Upload-Offset", &*offset.to_string()),
            ("Content-Type", crate::harness::tus::OFFSET_TYPE),
        ];
        match tus.try_send("PATCH", url, &headers, body) {
            Ok(response) => {
                assert_eq!(response.status(), 204);
                offset = end;
            }
            Err(_) => break,
        }
    }
    offset
}

fn data_file(setup: &Setup) -> std::path::PathBuf {
    let data = setup.path().join("data");
    let files = crate::harness::directory::files_below(&data);
    let name = files
        .iter()
        .find(|name| !name.ends_with(".info") && !name.starts_with('.'))
        .unwrap();
    data.join(name)
}

#[test]
fn an_upload_goes_on_after_other_directory_flags() {
    let setup = Setup::new();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.create(6);
    let path = url.strip_prefix(&server.origin()).unwrap().to_owned();
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    server.kill();

    let server = setup
        .argument("--dir-structure")
        .argument("{year}/{month}")
        .start();
    let tus = Tus::new(server.files());
    let url = format!("{}{path}", server.origin());
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
    tus.create(6);
    assert!(server.stored_files().iter().any(|name| name.contains('/')));
}

#[test]
fn the_server_ends_in_order_on_sigterm() {
    let server = Setup::new().with_hooks().start();
    Tus::new(server.files()).create(3);
    assert_eq!(server.terminate().code(), Some(0));
}
