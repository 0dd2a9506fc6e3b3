//! No acknowledged byte is lost and none is there twice, whatever ends the
//! server and whoever writes at the same time.

use crate::harness::guests::install;
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
fn kill_9_during_a_concatenation_leaves_the_parts_or_the_whole() {
    let setup = Setup::new().argument("--remove-parts");
    let data = setup.path().join("data");
    let whole = content(12_000_000);
    for round in 0..rounds(300, 20) {
        let server = setup.start();
        let tus = Tus::new(server.files());
        let paths: Vec<_> = whole
            .chunks(4_000_000)
            .map(|bytes| part(&tus, bytes))
            .collect();
        let concat = format!("final;{}", paths.join(" "));
        let request = {
            let (tus, concat) = (tus.clone(), concat.clone());
            let headers = [("Tus-Resumable", "1.0.0"), ("Upload-Concat", &*concat)];
            let headers = headers.map(|(name, value)| (name, value.to_owned()));
            std::thread::spawn(move || {
                let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
                tus.try_send("POST", tus.files(), &headers, "").is_ok()
            })
        };
        std::thread::sleep(std::time::Duration::from_micros(
            ((round * 37) % 50) as u64 * 600,
        ));
        server.kill();
        let answered = request.join().unwrap();

        let server = setup.start();
        let tus = Tus::new(server.files());
        let made_before = finished_finals(&data);
        assert!(!answered || made_before == 1, "round {round}");
        let again = tus.post(&[("Upload-Concat", &concat)]);
        assert_eq!(again.status(), 201, "round {round}");
        let url = tus.location(&again);
        assert!(tus.get(&url).bytes().unwrap() == whole, "round {round}");
        assert_eq!(finished_finals(&data), 1, "round {round}");
        for path in &paths {
            let part = format!("{}{path}", server.origin());
            assert_eq!(tus.head(&part).status(), 404, "round {round}");
        }
        // Nothing is left but what the kill left of a creation.
        assert_eq!(tus.delete(&url).status(), 204);
        assert_eq!(finished_finals(&data), 0);
        let records = crate::harness::directory::files_below(&data);
        let parts = records.iter().filter(|name| {
            let text = std::fs::read_to_string(data.join(name));
            name.ends_with(".info") && text.unwrap().contains("\"partial\"")
        });
        assert_eq!(parts.count(), 0, "round {round}");
        drop(server);
        std::fs::remove_dir_all(&data).unwrap();
    }
}

/// The path of a finished part.
fn part(tus: &Tus, bytes: &[u8]) -> String {
    let length = bytes.len().to_string();
    let headers = [
        ("Upload-Length", length.as_str()),
        ("Upload-Concat", "partial"),
        ("Content-Type", crate::harness::tus::OFFSET_TYPE),
    ];
    let response = tus.send("POST", tus.files(), &headers, bytes.to_vec());
    let url = tus.location(&response);
    url[url.rfind("/files/").unwrap()..].to_owned()
}

/// How many final uploads there are that are finished.
fn finished_finals(data: &std::path::Path) -> usize {
    let files = crate::harness::directory::files_below(data);
    let records = files.iter().filter(|name| name.ends_with(".info"));
    records
        .map(|name| std::fs::read_to_string(data.join(name)).unwrap())
        .filter(|text| text.contains("\"final\"") && text.contains("\"finished\":true"))
        .count()
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

#[test]
fn an_upload_whose_finish_a_kill_cut_off_is_finished_by_the_next_start() {
    let setup = Setup::new().with_hooks();
    install(&setup.hooks_dir(), "hostile", "hostile");
    let server = setup.start();
    let tus = Tus::new(server.files());
    let url = tus.create(3);
    let waits = tus.create(3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.patch(&waits, 0, "ab").status(), 204);
    let id = url.rsplit('/').next().unwrap();
    let record = server.data_dir().join(format!("{id}.info"));
    server.kill();
    // As it is between the last byte and the record.
    let text = std::fs::read_to_string(&record).unwrap();
    let unfinished = text.replace("\"finished\":true", "\"finished\":false");
    assert_ne!(unfinished, text);
    std::fs::write(&record, unfinished).unwrap();

    let server = setup.start();
    server.wait_for_log("an upload that was complete is finished");
    let told = server.wait_for_log("what=\"post-finish\"");
    assert!(told.contains(id), "{told}");
    let tus = Tus::new(server.files());
    let at = |url: &str| format!("{}/{}", server.files(), url.rsplit('/').next().unwrap());
    assert_eq!(tus.get(&at(&url)).text().unwrap(), "abc");
    assert_eq!(tus.offset(&at(&waits)), 2);
}

#[test]
fn a_final_upload_whose_client_was_not_told_of_it_goes_with_the_next_start() {
    let setup = Setup::new();
    let server = setup.start();
    let tus = Tus::new(server.files());
    let part = part(&tus, b"abc");
    let made = tus.post(&[("Upload-Concat", &format!("final;{part}"))]);
    let id = tus.location(&made).rsplit('/').next().unwrap().to_owned();
    let record = server.data_dir().join(format!("{id}.info"));
    let before = server.stored_files();
    let data = server.data_dir();
    server.kill();
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(
        &record,
        text.replace("\"finished\":true", "\"finished\":false"),
    )
    .unwrap();
    std::fs::write(data.join(&id), "a").unwrap();

    let server = setup.start();
    server.wait_for_log("a final upload that a crash cut short removed");
    let left = server.stored_files();
    assert_eq!(left.len(), before.len() - 2, "{left:?}");
}
