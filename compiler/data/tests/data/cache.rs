//! The cache: the same answers with it and without it, whatever lies in it.

use super::*;
use berth_data::Cache;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

const TEXT: &str = "time,prompt,output\n0,100,20\n30,250,1\n4000,7,9\n";

/// Changes the time of a file's last change.
fn set_modified(path: &str, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn entries(folder: &Folder, starting: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder.0.join("cache")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> =
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(starting)).collect();
    entries.sort();
    entries
}

#[test]
fn a_summary_is_the_same_from_the_cache() {
    let folder = Folder::new();
    let cache = Cache::new(Some(folder.0.join("cache")));
    let grid = "time,g/kWh\n2026-11-02T00:00:00Z,270.5\n2026-11-02T05:00:00Z,-3\n";
    for (name, text) in [("a.csv", TEXT), ("b.csv", grid)] {
        let path = folder.file(name, text.as_bytes());
        for step in [3_600, 60] {
            let wanted = wanted(&path, step);
            let decoded = decode(&wanted).unwrap();
            assert_eq!(cache.load(&wanted).unwrap(), decoded);
            assert_eq!(cache.load(&wanted).unwrap(), decoded);
        }
    }
    assert_eq!(entries(&folder, "").len(), 6, "two files, two steps each");
    // Written under another name first, and nothing of that is left.
    assert!(entries(&folder, "").iter().all(|path| path.extension().unwrap() == "json"));
}

#[test]
fn the_answer_comes_from_the_entry() {
    // An entry that says something else shows that it is read: it is well-formed, and of this content.
    let folder = Folder::new();
    let cache = Cache::new(Some(folder.0.join("cache")));
    let path = folder.file("a.csv", TEXT.as_bytes());
    let hash = cache.load(&wanted(&path, 3_600)).unwrap().sha256;
    let entry = entries(&folder, &hash).remove(0);
    let text = fs::read_to_string(&entry).unwrap();
    let body = text.split_once('\n').unwrap().1.replace("\"count\":3", "\"count\":7");
    let digest: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    fs::write(&entry, format!("berth.data/1 {digest}\n{body}")).unwrap();
    let Rows::Requests(requests) = cache.load(&wanted(&path, 3_600)).unwrap().rows else { panic!() };
    assert_eq!(requests.count, 7);
    // By content, not by name.
    let other = folder.file("other.csv", TEXT.as_bytes());
    let Rows::Requests(requests) = cache.load(&wanted(&other, 3_600)).unwrap().rows else { panic!() };
    assert_eq!(requests.count, 7);
}

#[test]
fn damaged_and_foreign_entries_are_written_anew() {
    let folder = Folder::new();
    let cache = Cache::new(Some(folder.0.join("cache")));
    let path = folder.file("a.csv", TEXT.as_bytes());
    let wanted = wanted(&path, 3_600);
    let expected = cache.load(&wanted).unwrap();
    for entry in entries(&folder, "") {
        let whole = fs::read(&entry).unwrap();
        let mut damaged: Vec<Vec<u8>> =
            vec![Vec::new(), b"{}".to_vec(), vec![0xff; 100], whole[..whole.len() / 2].to_vec()];
        for at in (0..whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            damaged.push(flipped);
        }
        damaged
            .push(String::from_utf8(whole.clone()).unwrap().replace("berth.data/1", "berth.data/0").into());
        for bytes in damaged {
            fs::write(&entry, &bytes).unwrap();
            assert_eq!(cache.load(&wanted).unwrap(), expected);
            let again = fs::read(&entry).unwrap();
            assert!(again.starts_with(b"berth.data/1 ") && again != bytes, "{}", entry.display());
        }
    }
}

#[test]
fn a_changed_file_is_decoded_again() {
    let folder = Folder::new();
    let cache = Cache::new(Some(folder.0.join("cache")));
    let path = folder.file("a.csv", TEXT.as_bytes());
    let wanted = wanted(&path, 3_600);
    let long_ago = SystemTime::now() - Duration::from_secs(1_000);
    set_modified(&path, long_ago);
    let first = cache.load(&wanted).unwrap();
    // As many bytes, and the same time of modification.
    fs::write(&path, TEXT.replace("250", "251")).unwrap();
    set_modified(&path, long_ago);
    assert_ne!(cache.load(&wanted).unwrap(), first);
    assert_eq!(cache.load(&wanted).unwrap(), decode(&wanted).unwrap());
    // More bytes, and the same time.
    fs::write(&path, format!("{TEXT}5000,1,1\n")).unwrap();
    set_modified(&path, long_ago);
    assert_eq!(cache.load(&wanted).unwrap(), decode(&wanted).unwrap());
    // No trace any more.
    fs::write(&path, "time\n").unwrap();
    assert_eq!(refusal(cache.load(&wanted)), "a head and no rows");
}

#[test]
fn a_name_keeps_its_promise_with_a_cache_too() {
    let folder = Folder::new();
    let cache = Cache::new(Some(folder.0.join("cache")));
    cache.load(&wanted(&folder.file("a.csv", TEXT.as_bytes()), 3_600)).unwrap();
    let refused = refusal(cache.load(&wanted(&folder.file("a.parquet", TEXT.as_bytes()), 3_600)));
    assert!(refused.starts_with("no Parquet"), "{refused}");
}

#[test]
fn no_cache_is_no_hindrance() {
    let folder = Folder::new();
    let path = folder.file("a.csv", TEXT.as_bytes());
    let wanted = wanted(&path, 3_600);
    let expected = decode(&wanted);
    // A file lies where the folder should be.
    let blocked = folder.file("blocked", b"");
    for cache in [None, Some(PathBuf::from(blocked)), Some(PathBuf::from("/proc/none"))] {
        assert_eq!(Cache::new(cache).load(&wanted), expected);
    }
}
