//! Asks SpamAssassin about some letters, where it is installed: without the network, with a time limit, and never in its way.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::campaign::definition::hex;
use crate::campaign::preflight::spam::{Score, mailbox, scores, settings};

/// It takes some seconds to read its rules, and a fraction of one for each letter.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// What became of asking.
pub(super) enum Answer {
    /// It is not installed.
    Absent,
    /// It did not answer.
    Silent,
    /// What it said.
    Scored(Vec<Score>),
}

/// Asks about these messages.
pub(super) fn ask(messages: &[Vec<u8>]) -> Answer {
    let Some(home) = Home::make() else { return Answer::Silent };
    let header = format!("Postduif{}", home.token);
    let mut command = Command::new("spamassassin");
    command.args(["--local", "--mbox", "--nocreate-prefs", "--prefspath=/dev/null"]);
    command.args(settings(&header).iter().map(|line| format!("--cf={line}")));
    command.env("HOME", &home.path).env("LC_ALL", "C").current_dir(&home.path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Answer::Absent,
        Err(_) => return Answer::Silent,
    };
    let given = mailbox(messages.iter().map(Vec::as_slice));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    // It reads all before it writes, but nobody promised that.
    let writer = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&given)));
    let reader = thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = stdout.map(|mut stdout| stdout.read_to_end(&mut answer));
        answer
    });
    let ended = wait(&mut child);
    let _ = writer.join();
    let answer = reader.join().unwrap_or_default();
    let scored = scores(&String::from_utf8_lossy(&answer), &header);
    if ended && scored.len() == messages.len() { Answer::Scored(scored) } else { Answer::Silent }
}

/// Waits for its end, up to the limit, and kills it then; returns whether it ended by itself.
fn wait(child: &mut Child) -> bool {
    let mut left = PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if !left.is_zero() => {
                thread::sleep(GLANCE);
                left = left.saturating_sub(GLANCE);
            }
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// A folder of its own for what it insists on writing; goes when this is dropped.
struct Home {
    path: PathBuf,
    token: String,
}

impl Home {
    fn make() -> Option<Self> {
        let mut seed = [0; 8];
        SystemRandom::new().fill(&mut seed).ok()?;
        let token = hex(&seed);
        let path = std::env::temp_dir().join(format!("postduif-{token}"));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).ok()?;
        Some(Self { path, token })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
