//! Storage that fails: a clear status, a line in the log that names the path,
//! and uploads that go on once it works again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::server::{Server, Setup};
use crate::harness::tus::Tus;

/// A file system of 1 MiB, for as long as it lives.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// `None` where file systems cannot be mounted; the test is skipped by name.
    fn mount(path: &Path) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], path);
        if !mounted {
            eprintln!("skipped: this user cannot mount a small disk");
        }
        mounted.then(|| Self {
            path: path.to_owned(),
        })
    }

    /// Makes it larger.
    fn grow(&self) {
        assert!(mount(&["-o", "remount,size=4m"], &self.path));
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    Command::new("mount")
        .args(arguments)
        .arg(path)
        .output()
        .is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.path).status());
    }
}

fn start(setup: &Setup) -> (Server, Tus) {
    let server = setup.start();
    let tus = Tus::new(server.files());
    (server, tus)
}

#[test]
fn a_full_disk_is_507_and_the_upload_goes_on_when_there_is_room() {
    let setup = Setup::new();
    let Some(disk) = SmallDisk::mount(&setup.path().join("data")) else {
        return;
    };
    let (server, tus) = start(&setup);
    let whole: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let url = tus.create(whole.len() as u64);
    let id = url.rsplit('/').next().unwrap();
    let full = tus.patch(&url, 0, whole.clone());
    assert_eq!(full.status(), 507);
    assert_eq!(full.text().unwrap(), "There is no space left.");
    server.wait_for_log(&format!("data/{id}"));
    // Nor is there any for a record.
    assert_eq!(
        tus.create_with(3, &[("a", &"x".repeat(8000))]).status(),
        507
    );
    let left: Vec<_> = fs::read_dir(&disk.path).unwrap().collect();
    assert_eq!(left.len(), 3, "a failed creation left something: {left:?}");

    disk.grow();
    let offset = usize::try_from(tus.offset(&url)).unwrap();
    assert!(offset > 0);
    let rest = tus.patch(&url, offset as u64, whole[offset..].to_vec());
    assert_eq!(rest.status(), 204);
    assert!(tus.get(&url).bytes().unwrap() == whole);
    drop(server);
}

/// Files that nobody may change, root neither, for as long as it lives.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// `None` where the file system or the user cannot; the test is skipped by
    /// name.
    fn new(paths: Vec<PathBuf>) -> Option<Self> {
        let works = chattr("+i", &paths);
        if !works {
            eprintln!("skipped: this user cannot make files immutable here");
        }
        works.then_some(Self(paths))
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        chattr("-i", &self.0);
    }
}

fn chattr(flag: &str, paths: &[PathBuf]) -> bool {
    let output = Command::new("chattr").arg(flag).args(paths).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_directory_that_became_read_only_is_500_and_named() {
    let (server, tus) = start(&Setup::new());
    let url = tus.create(6);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let file = server.data_dir().join(url.rsplit('/').next().unwrap());
    let Some(immutable) = Immutable::new(vec![file.clone(), server.data_dir()]) else {
        return;
    };
    for response in [
        tus.patch(&url, 3, "def"),
        tus.create_with(3, &[]),
        tus.delete(&url),
    ] {
        assert_eq!(response.status(), 500);
        assert_eq!(response.text().unwrap(), "Internal error.");
    }
    server.wait_for_log(&format!("cannot open {}", file.display()));
    server.wait_for_log(&format!("cannot create {}", server.data_dir().display()));
    server.wait_for_log(&format!("cannot remove {}", file.display()));
    assert_eq!(tus.offset(&url), 3);
    drop(immutable);
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn a_directory_that_was_lost_does_not_make_clients_begin_anew() {
    let setup = Setup::new();
    let (server, tus) = start(&setup);
    let url = tus.create(6);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let (data, away) = (server.data_dir(), setup.path().join("away"));
    fs::rename(&data, &away).unwrap();
    assert_eq!(tus.head(&url).status(), 500);
    assert_eq!(tus.patch(&url, 3, "def").status(), 500);
    assert_eq!(tus.get(&url).status(), 500);
    assert_eq!(tus.delete(&url).status(), 500);
    assert_eq!(tus.create_with(3, &[]).status(), 500);
    server.wait_for_log(data.to_str().unwrap());
    assert!(!data.exists());
    fs::rename(&away, &data).unwrap();
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn records_may_lie_on_another_file_system() {
    let setup = Setup::new();
    let info = setup.path().join("info");
    let Some(_disk) = SmallDisk::mount(&info) else {
        return;
    };
    let (server, tus) = start(
        &setup
            .argument("--info-dir")
            .argument(info.to_str().unwrap()),
    );
    let url = tus.create(3);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abc");
    assert_eq!(tus.delete(&url).status(), 204);
    assert!(server.stored_files().is_empty());
}

#[test]
fn bytes_that_were_removed_are_not_found_and_named() {
    let (server, tus) = start(&Setup::new());
    let url = tus.create(6);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let id = url.rsplit('/').next().unwrap();
    let file = server.data_dir().join(id);
    fs::remove_file(&file).unwrap();
    assert_eq!(tus.head(&url).status(), 404);
    assert_eq!(tus.patch(&url, 3, "def").status(), 404);
    server.wait_for_log("the bytes of an upload are gone");
    server.wait_for_log(&format!("path={}", file.display()));
    // The operator puts them back.
    fs::write(&file, "abc").unwrap();
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    assert_eq!(tus.get(&url).text().unwrap(), "abcdef");
}

#[test]
fn bytes_that_are_removed_while_they_come_are_not_acknowledged() {
    let (server, tus) = start(&Setup::new());
    let url = tus.create(600_000);
    let path = url.strip_prefix(&server.origin()).unwrap();
    let head = crate::harness::wire::Wire::patch_head(path, 0, 600_000);
    let head = format!("{head}Connection: close\n");
    let half = vec![b'x'; 300_000];
    let mut wire = crate::harness::wire::Wire::open(server.address(), &head, &half);
    crate::harness::eventually("bytes come", || !server.stored_bytes(&url).is_empty());
    fs::remove_file(server.data_dir().join(url.rsplit('/').next().unwrap())).unwrap();
    wire.write(&half).unwrap();
    let answer = wire.read_to_end();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    server.wait_for_log("a data file was removed while it was written");
}

#[test]
fn a_data_file_of_another_length_is_500_until_it_is_repaired() {
    let (server, tus) = start(&Setup::new());
    let url = tus.create(6);
    assert_eq!(tus.patch(&url, 0, "abc").status(), 204);
    let file = server.data_dir().join(url.rsplit('/').next().unwrap());
    fs::write(&file, "abcdefgh").unwrap();
    for response in [tus.head(&url), tus.patch(&url, 3, "def"), tus.get(&url)] {
        assert_eq!(response.status(), 500);
    }
    server.wait_for_log(&format!("{} has 8 bytes instead of 6", file.display()));
    fs::write(&file, "abc").unwrap();
    assert_eq!(tus.patch(&url, 3, "def").status(), 204);
    fs::write(&file, "abc").unwrap();
    assert_eq!(tus.get(&url).status(), 500);
    server.wait_for_log(&format!("{} has 3 bytes instead of 6", file.display()));
}

#[test]
fn records_are_as_readable_as_the_umask_says() {
    let (server, tus) = start(&Setup::new());
    tus.create(3);
    let modes: Vec<u32> = server
        .stored_files()
        .iter()
        .map(|name| fs::metadata(server.data_dir().join(name)).unwrap())
        .map(|metadata| metadata.permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes.len(), 2);
    assert_eq!(modes[0], modes[1], "{modes:?}");
}

/// Four finished parts that fill three quarters of a disk of 1 MiB, as
/// `Upload-Concat` names them.
fn parts_on_a_small_disk(tus: &Tus) -> String {
    let paths: Vec<_> = (b'a'..=b'd')
        .map(|byte| {
            let length = ("Upload-Length", "190000");
            let url = tus.location(&tus.post(&[length, ("Upload-Concat", "partial")]));
            assert_eq!(tus.patch(&url, 0, vec![byte; 190_000]).status(), 204);
            url
        })
        .collect();
    format!("final;{}", paths.join(" "))
}

#[test]
fn parts_that_are_to_go_need_no_second_place() {
    let setup = Setup::new().argument("--remove-parts");
    let Some(_disk) = SmallDisk::mount(&setup.path().join("data")) else {
        return;
    };
    let (_server, tus) = start(&setup);
    let concat = parts_on_a_small_disk(&tus);
    let made = tus.post(&[("Upload-Concat", &concat)]);
    assert_eq!(made.status(), 201);
    let bytes = tus.get(&tus.location(&made)).bytes().unwrap();
    assert_eq!(bytes.len(), 760_000);
    assert!(
        bytes
            .chunks(190_000)
            .zip(b'a'..)
            .all(|(part, byte)| part.iter().all(|b| *b == byte))
    );
}

#[test]
fn parts_for_whose_whole_there_is_no_room_stay() {
    let setup = Setup::new();
    let Some(disk) = SmallDisk::mount(&setup.path().join("data")) else {
        return;
    };
    let (server, tus) = start(&setup);
    let concat = parts_on_a_small_disk(&tus);
    let before = server.stored_files();
    assert_eq!(tus.post(&[("Upload-Concat", &concat)]).status(), 507);
    assert_eq!(server.stored_files(), before);
    disk.grow();
    assert_eq!(tus.post(&[("Upload-Concat", &concat)]).status(), 201);
}
