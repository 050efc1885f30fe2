//! A Maildir as a mail server and a mail program treat it: mail comes in, is opened, and goes.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(clippy::unwrap_used, reason = "a test that cannot write its mail has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The Maildir; subfolders are named as Maildir++ does, with a dot in front, and INBOX is the empty name.
#[derive(Clone)]
pub(crate) struct MaildirFolders {
    path: PathBuf,
    /// Whose the files are, where it is not ours.
    owner: Option<(u32, u32)>,
}

impl MaildirFolders {
    pub(crate) fn at(path: PathBuf, owner: Option<(u32, u32)>) -> Self {
        let folders = Self { path, owner };
        folders.make("");
        folders
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn dir(&self, folder: &str) -> PathBuf {
        if folder.is_empty() { self.path.clone() } else { self.path.join(format!(".{folder}")) }
    }

    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// Makes a folder.
    pub(crate) fn make(&self, folder: &str) {
        let dir = self.dir(folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(dir.join(part)).unwrap();
            self.own(&dir.join(part));
        }
        self.own(&dir);
        self.own(dir.parent().unwrap());
    }

    /// Puts a message into a folder, as a delivery agent does; returns its unique name.
    pub(crate) fn deliver(&self, folder: &str, message: &[u8]) -> String {
        self.deliver_dated(folder, message, None)
    }

    /// The same, with the time at which it came in.
    pub(crate) fn deliver_dated(&self, folder: &str, message: &[u8], at: Option<SystemTime>) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        // The names rise, as those of one delivery agent do.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("1760000000.M{number:09}P{}.mail.example.test", std::process::id());
        let (written, put) =
            (self.dir(folder).join("tmp").join(&name), self.dir(folder).join("new").join(&name));
        fs::write(&written, message).unwrap();
        self.own(&written);
        if let Some(at) = at {
            fs::File::options().write(true).open(&written).unwrap().set_modified(at).unwrap();
        }
        fs::rename(written, put).unwrap();
        name
    }

    /// Puts a message into a folder so many times, each of them read long ago; as links, which is quick.
    pub(crate) fn fill(&self, folder: &str, times: usize, message: &[u8], at: SystemTime) {
        let first = self.deliver_dated(folder, message, Some(at));
        self.flag(folder, &first, "S");
        let cur = self.dir(folder).join("cur");
        for nth in 1..times {
            let name = format!("1750000000.M{nth:09}P{}.mail.example.test:2,S", std::process::id());
            fs::hard_link(cur.join(format!("{first}:2,S")), cur.join(name)).unwrap();
        }
    }

    /// Every file of a folder: its unique name and its path.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        for part in ["new", "cur"] {
            for entry in fs::read_dir(self.dir(folder).join(part)).unwrap().map(Result::unwrap) {
                let file = entry.file_name().into_string().unwrap();
                found.insert(file.split(':').next().unwrap().to_owned(), entry.path());
            }
        }
        found
    }

    /// Opens a message as a mail program does: it goes to `cur` and gets flags.
    pub(crate) fn flag(&self, folder: &str, name: &str, flags: &str) {
        let path = &self.files(folder)[name];
        fs::rename(path, self.dir(folder).join("cur").join(format!("{name}:2,{flags}"))).unwrap();
    }

    /// Removes a message.
    pub(crate) fn remove(&self, folder: &str, name: &str) {
        fs::remove_file(&self.files(folder)[name]).unwrap();
    }

    /// Moves a message to another folder, where it gets another name and keeps its time.
    pub(crate) fn relocate(&self, from: &str, name: &str, to: &str) -> String {
        let path = &self.files(from)[name];
        let (message, at) = (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap());
        let moved = self.deliver_dated(to, &message, Some(at));
        fs::remove_file(path).unwrap();
        moved
    }

    /// Everything there is of messages: paths below the Maildir, bytes and times. Files of the server's own are left out.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.path.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if dir.ends_with("cur") || dir.ends_with("new") || dir.ends_with("tmp") {
                    let modified = entry.metadata().unwrap().modified().unwrap();
                    found.insert(
                        path.strip_prefix(&self.path).unwrap().to_owned(),
                        (fs::read(&path).unwrap(), modified),
                    );
                }
            }
        }
        found
    }
}
