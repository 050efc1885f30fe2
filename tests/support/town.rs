//! A campaign folder and the real program, for tests of commands.
//!
//! ```ignore
//! let campaign = Campaign::new();
//! campaign.run(["send", "--yes"]).success();
//! let running = campaign.spawn(["send", "--yes"]);
//! running.kill();                                  // SIGKILL; `interrupt()` is Ctrl-C
//! ```
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot start the program has failed"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::servers::signal;

/// The settings of a new campaign: the built-in relay, no limits.
pub(crate) const CONFIG: &str = r#"[campaign]
name = "appeal"
language = "nl"
timezone = "Europe/Amsterdam"

[sender]
name = "The Alliance"
address = "appeal@alliance.example"
organisation = "The Alliance"

[recipients]
file = "recipients.csv"
address = "e-mail"
name = "naam"
organisation = "partij"
key = "afkorting"

[[step]]
letter = "letter"

[transport]
kind = "rehearsal"

[pace]
unlimited = true

[ledger]
url = "sqlite:logs/ledger.db"

# It takes seconds to read its rules; one story asks it.
[preflight]
spamassassin = "off"
"#;

/// Three recipients.
pub(crate) const RECIPIENTS: &str = "afkorting,partij,naam,e-mail
EEN,Partij Een,Programmacommissie,een@een.example
TWEE,Partij Twee,Programmacommissie,twee@twee.example
DRIE,Partij Drie,Programmacommissie,drie@drie.example
";

/// A letter that uses a field or two.
pub(crate) const LETTER: &str = "+++
subject = \"A letter to {{partij}}\"
+++
Dear {{naam}},

This is for **{{partij}}**.
";

/// A campaign folder of its own; goes when this is dropped.
pub(crate) struct Campaign {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Campaign {
    /// Makes a folder with the three files above.
    pub(crate) fn new() -> Self {
        let campaign = Self { dir: tempfile::tempdir().unwrap(), environment: Vec::new() };
        campaign
            .write("config.toml", CONFIG)
            .write("recipients.csv", RECIPIENTS)
            .write("templates/letter.md", LETTER);
        campaign
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and the folders it needs.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| unreachable!("{name}: {error}"))
    }

    /// Puts `new` in the place of `old` in `config.toml`, where `old` must be.
    pub(crate) fn configure(&self, old: &str, new: &str) -> &Self {
        let before = self.read("config.toml");
        assert!(before.contains(old), "config.toml has no `{old}`:\n{before}");
        self.write("config.toml", before.replacen(old, new, 1))
    }

    /// Sends to a relay on a loopback port, without TLS or login.
    pub(crate) fn send_to(&self, port: u16) -> &Self {
        let plain = format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"");
        self.configure("kind = \"rehearsal\"", &plain)
    }

    /// Puts a variable in the environment of every later run.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The program with its arguments, in this folder, with nothing of the caller's environment but the path.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postduif"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.path()).env("NO_COLOR", "1");
        command.env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        Run::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs the program to its end with something to read.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
        // A program that does not read breaks the pipe; that is its right.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Run::of(child.wait_with_output().unwrap())
    }

    /// Starts the program and does not wait. Its output goes to files, so that it never waits for a reader.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let kept = tempfile::tempdir().unwrap();
        let child = self
            .command(arguments)
            .stdout(fs::File::create(kept.path().join("out")).unwrap())
            .stderr(fs::File::create(kept.path().join("err")).unwrap())
            .spawn()
            .expect("the program starts");
        Running { child, kept }
    }
}

/// A program that runs; killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    kept: tempfile::TempDir,
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ctrl-C; it goes on running until it has done what it does then.
    pub(crate) fn interrupt(&self) {
        signal(self.pid(), "INT");
    }

    /// SIGTERM, with which the system asks.
    pub(crate) fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    /// What it said so far, on either stream.
    pub(crate) fn said_so_far(&self) -> String {
        let read = |name: &str| fs::read(self.kept.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&[read("out"), read("err")].concat()).into_owned()
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(mut self) -> Run {
        let _ = self.child.kill();
        self.collect()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Run {
        self.collect()
    }

    fn collect(&mut self) -> Run {
        let status = self.child.wait().unwrap();
        let read = |name: &str| fs::read(self.kept.path().join(name)).unwrap_or_default();
        Run::of(Output { status, stdout: read("out"), stderr: read("err") })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run of the program ended with.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; `None` for a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It must have ended well.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// It must have ended with this exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- out\n{}\n--- err\n{}", self.out, self.err);
        self
    }

    /// It must have said this, on either stream.
    #[track_caller]
    pub(crate) fn said(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "nothing said `{text}`\n--- out\n{}\n--- err\n{}",
            self.out,
            self.err
        );
        self
    }
}
