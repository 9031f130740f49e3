//! The store used by several processes at once, killed, on a full and on a read-only disk, damaged, and given hostile archives.
//!
//! This binary starts itself again as the process that is killed or starved (see `child`).
#![cfg(all(target_os = "linux", feature = "objects", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::objects::{ContentId, GcPolicy, LinkMode, Pack, Packed, Store, StoreError};
use stratheal_core::testing::skipped;
use tokio::time::Instant;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const MODE: &str = "STRATHEAL_TEST_STORE_MODE";
const FOLDER: &str = "STRATHEAL_TEST_STORE_FOLDER";
const SEED: &str = "STRATHEAL_TEST_STORE_SEED";

/// How long processes meet in one store.
const TOGETHER: Duration = Duration::from_millis(2_500);
/// How many different wheels they put.
const WHEELS: u64 = 12;

/// Numbers from a seed (xorshift64*), the same in each run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end
    }
}

/// The wheel with this number: a few files of up to 5 kB, most of which cannot be compressed.
fn wheel(number: u64) -> Vec<u8> {
    let mut seeded = Seeded(number + 1);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut record = String::new();
    for file in 0..8 {
        let content: Vec<u8> = (0..seeded.below(600)).flat_map(|_| seeded.next().to_le_bytes()).collect();
        let path = format!("pkg{number}/file{file}.py");
        writer.start_file(&path, SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
        let digest = URL_SAFE_NO_PAD.encode(ContentId::of(&content).as_bytes());
        record.extend([&path, ",sha256=", &digest, ",\n"]);
    }
    let path = format!("pkg{number}-1.dist-info/RECORD");
    record.extend([&path, ",,\n"]);
    writer.start_file(&path, SimpleFileOptions::default()).unwrap();
    writer.write_all(record.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

fn put(store: &Store, number: u64) -> Pack {
    store.put(&format!("pkg{number}-1-py3-none-any.whl"), "a test", &wheel(number)).unwrap()
}

/// Links a tree somewhere and compares each file with the tree's own list.
fn link_and_compare(store: &Store, pack: &Pack, destination: &Path) {
    let tree = store.tree(pack).unwrap();
    assert_eq!(tree.problems(), []);
    tree.link_into(destination, LinkMode::Auto).unwrap();
    for file in tree.files() {
        let content = fs::read(destination.join(&file.path)).unwrap();
        assert_eq!(ContentId::of(&content), file.sha256, "{}", file.path);
    }
}

#[track_caller]
fn assert_whole(folder: &Path) {
    let report = Store::open(folder).unwrap().verify(&mut |_| true).unwrap();
    assert_eq!(report.damaged, []);
}

/// Everything may go at once: nothing but a hold keeps it.
fn greedy() -> GcPolicy {
    GcPolicy { max_bytes: Some(0), grace: SignedDuration::ZERO, ..GcPolicy::default() }
}

fn later() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

fn in_front(mut command: Command, mode: &str, folder: &Path, seed: u64) -> Command {
    command.args(["child", "--exact", "--ignored", "--nocapture"]);
    command.env(MODE, mode).env(FOLDER, folder).env(SEED, seed.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(mode: &str, folder: &Path, seed: u64) -> Child {
    in_front(Command::new(std::env::current_exe().unwrap()), mode, folder, seed).spawn().unwrap()
}

/// A command that ends by starting this binary, which it gets as its arguments.
fn through(mut command: Command, mode: &str, folder: &Path) -> Command {
    command.arg(std::env::current_exe().unwrap());
    in_front(command, mode, folder, 1)
}

#[track_caller]
fn assert_success(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("1 passed"), "the child ran nothing");
}

#[test]
#[ignore = "what the other tests start as a process of its own"]
fn child() {
    let mode = std::env::var(MODE).expect("started by another test");
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let mut seeded = Seeded(std::env::var(SEED).unwrap().parse().unwrap());
    match mode.as_str() {
        "put" => each_until_the_end(|round| put_and_use(&folder, &mut seeded, round)),
        "read" => each_until_the_end(|_| read_something(&folder, &mut seeded)),
        "collect" => each_until_the_end(|_| {
            Store::open(&folder.join("store")).unwrap().gc(&greedy(), &[], later()).unwrap();
            std::thread::park_timeout(Duration::from_millis(20));
        }),
        "until-killed" => until_killed(&folder, &mut seeded),
        "full" => on_a_full_disk(&folder),
        "limited" => within_a_file_size_limit(&folder),
        "read-only" => on_a_read_only_disk(&folder),
        other => panic!("{other}"),
    }
}

fn each_until_the_end(mut step: impl FnMut(usize)) {
    let end = Instant::now() + TOGETHER;
    let mut rounds = 0;
    while Instant::now() < end {
        step(rounds);
        rounds += 1;
    }
    assert!(rounds > 0, "this says nothing");
}

/// What is held is there, whatever the collectors do.
fn put_and_use(folder: &Path, seeded: &mut Seeded, round: usize) {
    let store = Store::open(&folder.join("store")).unwrap();
    let number = seeded.next() % WHEELS;
    let hold = store.hold().unwrap();
    let pack = put(&store, number);
    let mut content = Vec::new();
    store.pack(&pack.id()).unwrap().unwrap().open().unwrap().read_to_end(&mut content).unwrap();
    assert_eq!(ContentId::of(&content), pack.id());
    let destination = folder.join(format!("environment-{}-{round}", std::process::id()));
    link_and_compare(&store, &pack, &destination);
    drop(hold);
    fs::remove_dir_all(&destination).unwrap();
}

/// What is not held is there or not, but never wrong.
fn read_something(folder: &Path, seeded: &mut Seeded) {
    let store = Store::open(&folder.join("store")).unwrap();
    let bytes = wheel(seeded.next() % WHEELS);
    let Some(pack) = store.pack(&ContentId::of(&bytes)).unwrap() else { return };
    let mut content = Vec::new();
    match pack.open() {
        Ok(mut file) => {
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, bytes);
        }
        Err(error) => assert!(matches!(error, StoreError::Gone { .. }), "{}", chain(&error)),
    }
}

#[test]
fn processes_meet_in_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let modes = ["put", "put", "put", "read", "read", "collect", "collect"];
    let children: Vec<_> = (10..).zip(modes).map(|(seed, mode)| start(mode, folder.path(), seed)).collect();
    for child in children {
        assert_success(&child.wait_with_output().unwrap());
    }
    assert_whole(&folder.path().join("store"));
    let store = Store::open(&folder.path().join("store")).unwrap();
    assert_eq!(store.quarantined().unwrap(), [], "nothing was ever taken for damaged");
}

/// Everything that writes, over and over.
fn until_killed(folder: &Path, seeded: &mut Seeded) {
    let store = Store::open(folder).unwrap();
    loop {
        let pack = put(&store, seeded.next() % WHEELS);
        let object = seeded.next().to_le_bytes();
        let mut segment = store.segment().unwrap();
        segment.add(&Packed::new(ContentId::of(&object), &object)).unwrap();
        segment.finish(false).unwrap();
        store.tree(&pack).unwrap();
        store.set_roots("one", &[pack.id()]).unwrap();
        match seeded.below(4) {
            0 => store.drop_tree(&pack.id()).unwrap(),
            1 => drop(store.gc(&greedy(), &[], later()).unwrap()),
            _ => {}
        }
    }
}

#[test]
fn killed_again_and_again_it_verifies() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..25 {
        let mut child = start("until-killed", folder.path(), round + 1);
        // Not the same in each run.
        let time = RandomState::new().build_hasher().finish() % 90_000;
        std::thread::park_timeout(Duration::from_micros(20_000 + time));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        assert_eq!(output.stderr, b"", "{}", String::from_utf8_lossy(&output.stderr));
        assert_whole(folder.path());
    }
    let store = Store::open(folder.path()).unwrap();
    // A process that was killed before it had locked its folder leaves one that might be of a process just about to: for an hour.
    let after_that = Timestamp::now() + SignedDuration::from_hours(2);
    let report = store.gc(&GcPolicy::default(), &[], after_that).unwrap();
    assert!(report.scratch.count > 0, "none was killed while it wrote");
    assert_eq!(store.quarantined().unwrap(), []);
    let pack = put(&store, 1);
    link_and_compare(&store, &pack, &folder.path().join("environment"));
    drop((store, pack));
    assert_eq!(fs::read_dir(folder.path().join("scratch")).unwrap().count(), 0);
}

fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    ballast
}

fn on_a_full_disk(folder: &Path) {
    let store = Store::open(&folder.join("store")).unwrap();
    let pack = put(&store, 1);
    let ballast = fill(folder);
    let full = |error: StoreError| {
        assert!(error.is_disk_full() && error.class() == ErrorClass::Permanent, "{}", chain(&error));
        let place = folder.join("store").display().to_string();
        assert!(error.to_string().starts_with(&format!("no space left for the store {place}: ")), "{error}");
    };
    full(store.put("x", "", &wheel(2)).unwrap_err());
    full(store.tree(&pack).unwrap_err());
    let object = wheel(3);
    let segment = store.segment().and_then(|mut segment| {
        segment.add_from(&mut object.as_slice(), |_| true).map(drop)?;
        segment.finish(false)
    });
    full(segment.unwrap_err());
    assert!(store.pack(&pack.id()).unwrap().is_some(), "what is there can be read");
    assert_eq!(store.usage().unwrap().packs.count, 1);
    // Deleting needs no room.
    assert_eq!(store.gc(&greedy(), &[], later()).unwrap().objects.len(), 1);
    fs::remove_file(ballast).unwrap();
    let pack = put(&store, 1);
    link_and_compare(&store, &pack, &folder.join("environment"));
    assert_whole(&folder.join("store"));
}

fn within_a_file_size_limit(folder: &Path) {
    let store = Store::open(folder).unwrap();
    let error = store.put("x", "", &vec![1; 1_000_000]).unwrap_err();
    assert!(error.is_disk_full(), "{}", chain(&error));
    drop(put(&store, 1));
    assert_whole(folder);
}

fn on_a_read_only_disk(folder: &Path) {
    let store = Store::open(folder).unwrap();
    let (good, without_sidecar) = (ContentId::of(&wheel(1)), ContentId::of(&wheel(2)));
    for id in [good, without_sidecar] {
        assert!(store.pack(&id).unwrap().is_some());
    }
    assert!(store.pack(&ContentId::of(&wheel(3))).unwrap().is_none(), "what is damaged is not handed out");
    let destination = tempfile::tempdir_in("/dev/shm").unwrap();
    link_and_compare(&store, &store.pack(&good).unwrap().unwrap(), destination.path());
    let error = store.put("x", "", b"something new").unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{}", chain(&error));
    assert!(chain(&error).contains("give this user write access"), "{}", chain(&error));
    assert_eq!(store.verify(&mut |_| true).unwrap().damaged.len(), 1);
    let nothing = Store::open(&folder.join("no/store")).unwrap_err();
    assert_eq!(nothing.class(), ErrorClass::Denied, "{}", chain(&nothing));
}

/// A shell with mounts of its own, which end with it; `None` where the system does not give them to this user.
fn with_own_mounts(script: &str, folder: &Path) -> Option<Command> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh"]).arg(folder);
        command
    };
    let allowed = unshare("mount -t tmpfs tmpfs \"$1\"").output().is_ok_and(|output| output.status.success());
    if !allowed {
        skipped("a store on a full and on a read-only disk", "this user may not mount (unshare --user --mount)");
    }
    allowed.then(|| unshare(script))
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=2m tmpfs \"$1\"; shift; exec \"$@\"";
    let Some(shell) = with_own_mounts(script, folder.path()) else { return };
    assert_success(&through(shell, "full", folder.path()).output().unwrap());
}

#[test]
fn a_limit_on_the_size_of_files_is_told_like_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 800; exec \"$@\"", "sh"]);
    assert_success(&through(shell, "limited", folder.path()).output().unwrap());
}

#[test]
fn a_read_only_store_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        let packs = [1, 2, 3].map(|number| put(&store, number));
        store.tree(&packs[0]).unwrap();
        fs::remove_file(packs[1].path().with_extension("json")).unwrap();
        fs::remove_file(packs[2].path()).unwrap();
        fs::write(packs[2].path(), "damaged").unwrap();
    }
    let script = "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"; shift; exec \"$@\"";
    let Some(shell) = with_own_mounts(script, folder.path()) else { return };
    assert_success(&through(shell, "read-only", folder.path()).output().unwrap());
}

/// All files below a folder, in a stable order.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Changes a byte, and keeps the times, so that nothing but hashing can find it.
fn flip(path: &Path, seeded: &mut Seeded, is_hidden: bool) {
    let metadata = fs::metadata(path).unwrap();
    let mut content = fs::read(path).unwrap();
    if content.is_empty() {
        return;
    }
    let at = seeded.below(content.len());
    content[at] ^= 1 << seeded.below(8);
    let mut writable = metadata.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut writable, 0o644);
    fs::set_permissions(path, writable).unwrap();
    fs::write(path, content).unwrap();
    if is_hidden {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(metadata.modified().unwrap())).unwrap();
    }
    fs::set_permissions(path, metadata.permissions()).unwrap();
}

#[test]
fn flipped_bytes_are_never_handed_out() {
    let mut seeded = Seeded(20_261_123);
    let mut found = 0;
    for round in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("store");
        let id = {
            let store = Store::open(&place).unwrap();
            let pack = put(&store, 1);
            store.tree(&pack).unwrap();
            pack.id()
        };
        let mut files = files_below(&place.join("packs"));
        files.extend(files_below(&place.join("trees")));
        let damaged = files.swap_remove(seeded.below(files.len()));
        let is_hidden = round % 2 == 0;
        flip(&damaged, &mut seeded, is_hidden);
        let store = Store::open(&place).unwrap();
        if is_hidden {
            // Sizes and times say that all is well.
            found += store.verify(&mut |_| true).unwrap().damaged.len();
        }
        let pack = store.pack(&id).unwrap().unwrap_or_else(|| put(&store, 1));
        assert_eq!(ContentId::of(&fs::read(pack.path()).unwrap()), id, "{}", damaged.display());
        let tree = store.tree(&pack).unwrap();
        let destination = folder.path().join("environment");
        tree.link_into(&destination, LinkMode::Auto).unwrap();
        let mut archive = pack.archive().unwrap();
        for entry in archive.entries().to_vec() {
            let right = archive.read(&entry.path, 1 << 20).unwrap();
            let content = fs::read(destination.join(&entry.path)).unwrap();
            assert_eq!(content, right, "{} after {}", entry.path, damaged.display());
        }
    }
    assert!(found > 30, "only {found} were found by hashing");
}

#[test]
fn hostile_archives_are_refused_or_unpacked_inside() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let mut seeded = Seeded(7);
    let good = wheel(1);
    // The headers are where the harm is: most changes go there.
    let is_header = |at: &usize| good[*at..].starts_with(b"PK\x01\x02") || good[*at..].starts_with(b"PK\x03\x04");
    let headers: Vec<_> = (0..good.len()).filter(is_header).collect();
    let tricks: [&[u8]; 8] = [b"../", b"/", b"\0", b"\\", b"..", b"pkg1/file0.py", b"\xff\xff\xff\xff", b"PK\x05\x06"];
    let mut taken = 0;
    for _ in 0..1_000 {
        let mut bytes = good.clone();
        for _ in 0..=seeded.below(3) {
            let at = headers[seeded.below(headers.len())] + seeded.below(90);
            match seeded.below(3) {
                0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = seeded.next() as u8),
                1 => bytes.truncate(good.len() - seeded.below(100)),
                _ => {
                    let trick = tricks[seeded.below(tricks.len())];
                    for (place, byte) in bytes.iter_mut().skip(at).zip(trick) {
                        *place = *byte;
                    }
                }
            }
        }
        let pack = store.put("hostile.whl", "", &bytes).unwrap();
        let destination = folder.path().join("environment");
        match store.tree(&pack) {
            Err(error) => assert!(matches!(error, StoreError::Archive { .. }), "{}", chain(&error)),
            Ok(tree) => {
                taken += 1;
                tree.link_into(&destination, LinkMode::Auto).unwrap();
                fs::remove_dir_all(&destination).unwrap();
            }
        }
        store.drop_tree(&pack.id()).unwrap();
        let outside: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(outside, ["store"]);
    }
    assert!(taken > 20 && taken < 980, "{taken} of 1000 were taken: this says nothing");
    assert_whole(&folder.path().join("store"));
}
