//! What the stories share: the shipped campaign, a relay that does what addresses spell, a terminal, and looking around.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use postduif::transport::rehearsal::{Accepted, Relay, RelaySettings, Script};
use serde_json::Value;

use crate::support::town::{Campaign, Run};

/// Where the repository is.
pub(crate) const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

impl Campaign {
    /// The campaign of the repository, as fast as it can go.
    pub(crate) fn shipped() -> Self {
        let campaign = Campaign::new();
        for name in [
            "config.toml",
            "recipients.csv",
            "templates/letter.md",
            "templates/herinnering.md",
            "templates/laatste.md",
            "templates/foot.md",
        ] {
            campaign.write(name, fs::read(Path::new(REPOSITORY).join(name)).unwrap());
        }
        campaign.configure("\nper-minute = 60 ", "\nunlimited = true ");
        campaign.configure("[pace]", "[preflight]\nspamassassin = \"off\"\n\n[pace]");
        campaign
    }

    /// A campaign with these addresses, under the keys `K1`, `K2` and so on.
    pub(crate) fn to<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let campaign = Campaign::new();
        let mut table = "afkorting,partij,naam,e-mail\n".to_owned();
        for (number, address) in (1..).zip(addresses) {
            table.push_str(&format!("K{number},Partij {number},Programmacommissie,{address}\n"));
        }
        campaign.write("recipients.csv", table);
        campaign
    }

    /// Adds a line to the roster.
    pub(crate) fn add_row(&self, row: &str) {
        self.write("recipients.csv", self.read("recipients.csv") + row + "\n");
    }

    /// Puts `new` in the place of `old` in a file, where `old` must be.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let before = self.read(name);
        assert!(before.contains(old), "{name} has no `{old}`:\n{before}");
        self.write(name, before.replacen(old, new, 1));
    }

    /// `status --json`.
    pub(crate) fn status(&self) -> Value {
        let run = self.run(["status", "--json"]).success();
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}:\n{}", run.out))
    }

    /// The state of each letter by key, as `status --json` has it.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let status = self.status();
        let recipients = status["recipients"].as_array().unwrap().iter();
        recipients.map(|one| (word(&one["key"]), word(&one["steps"][0]["state"]))).collect()
    }

    /// How a recipient stands, as `status --json` has it.
    pub(crate) fn standing(&self, key: &str) -> String {
        let status = self.status();
        let mut recipients = status["recipients"].as_array().unwrap().iter();
        word(&recipients.find(|one| one["key"] == key).expect("a recipient of that key")["standing"])
    }

    /// The keys whose letters the relay has, in the order of the roster.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let status = self.status();
        let recipients = status["recipients"].as_array().unwrap().iter();
        let accepted = recipients.filter(|one| one["steps"][0]["state"] == "accepted");
        accepted.map(|one| word(&one["key"])).collect()
    }

    /// The lines of `logs/delivery.jsonl`.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.read("logs/delivery.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The letters that the rehearsal relay kept, as text.
    pub(crate) fn rehearsed(&self) -> Vec<String> {
        letters_in(&self.file("logs/rehearsal"))
    }

    /// Every file in the folder with its bytes, to be compared with later.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    found.insert(path.clone(), Vec::new());
                    folders.push(path);
                } else if path.extension().is_some_and(|kind| kind == "db-shm") {
                    // SQLite notes in it who is reading; it holds nothing of the ledger.
                    found.insert(path.clone(), Vec::new());
                } else {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// Runs the program at a terminal, where a person types this. Nothing where the machine has no `script`, and says so.
    pub(crate) fn at_terminal(&self, arguments: &str, typed: &str, colour: bool) -> Option<Run> {
        if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
            let current = std::thread::current();
            let name = current.name().unwrap_or("a test").to_owned();
            // Not `eprintln!`, which the test runner keeps to itself when a test passes.
            let _ = writeln!(std::io::stderr(), "left out: {name} (this machine has no `script`)");
            return None;
        }
        let line = format!("'{}' {arguments}", env!("CARGO_BIN_EXE_postduif"));
        let mut terminal = Command::new("script");
        terminal.args(["-qec", &line, "/dev/null"]).current_dir(self.path()).env_clear();
        terminal.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("SHELL", "/bin/sh").env("TERM", "xterm");
        terminal.env("LC_ALL", "C.UTF-8").env("HOME", self.path());
        if !colour {
            terminal.env("NO_COLOR", "1");
        }
        let mut child = terminal
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`script` starts");
        child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Some(Run {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// The text of a JSON string.
#[track_caller]
pub(crate) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The `.eml` files of a folder, as text.
pub(crate) fn letters_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|it| it == "eml")).collect();
    paths.sort();
    paths.iter().map(|path| String::from_utf8(fs::read(path).unwrap()).unwrap()).collect()
}

/// A relay in this process that does what an address spells, and remembers what it took.
pub(crate) struct Post {
    relay: Relay,
    _runtime: tokio::runtime::Runtime,
}

impl Post {
    /// Starts it.
    pub(crate) fn spelled() -> Self {
        Self::start(RelaySettings { script: Script::Spelled, ..RelaySettings::default() })
    }

    /// Starts a relay of one's own making.
    pub(crate) fn start(settings: RelaySettings) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let relay = runtime.block_on(Relay::start(RelaySettings { record: true, ..settings })).unwrap();
        Self { relay, _runtime: runtime }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.relay.addr().port()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> u64 {
        self.relay.connections()
    }

    /// How often somebody logged in, or tried to.
    pub(crate) fn logins(&self) -> u64 {
        self.relay.logins()
    }

    /// The letters it took, in order.
    pub(crate) fn letters(&self) -> Vec<Accepted> {
        self.relay.accepted()
    }

    /// To whom the letters went that it took, in order.
    pub(crate) fn went_to(&self) -> Vec<String> {
        self.letters().into_iter().map(|letter| letter.forward_path).collect()
    }
}
