//! One process of `letter-pdf`: started, asked, and ended.

use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::protocol::{Answer, Greeting, PROTOCOL, read_answer, read_head};
use super::{About, INSTALL, TypesettingError, problems};
use crate::campaign::problem::Problem;

/// How much of what it says on its standard error is kept.
const KEPT: usize = 2000;

/// A process that takes letters; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: Sender<Vec<u8>>,
    answers: Receiver<std::io::Result<(Answer, Vec<u8>)>>,
    last_words: Receiver<String>,
    pub(super) about: About,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum End {
    TooSlow,
    /// It ended, or spoke nonsense; with what it said last.
    Ended(String),
}

impl Process {
    /// Starts the program and gives it the files.
    pub(super) fn start(program: &Path, set_up: Vec<u8>, limit: Duration) -> Result<Self, TypesettingError> {
        let unusable = |why: String| TypesettingError::Unusable { program: program.to_owned(), why };
        let mut command = Command::new(program);
        // It needs nothing of our environment, and secrets are in it. One process is one core's worth of work.
        command.env_clear().env("RAYON_NUM_THREADS", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| unusable(error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(unusable("it has no pipes".to_owned()));
        };
        let (requests, to_write) = channel();
        let (greet, greeting) = channel();
        let (give, answers) = channel();
        let (say, last_words) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let greeted = read_head::<Greeting>(&mut output);
            if greet.send(greeted).is_ok() {
                converse(input, output, &to_write, &give);
            }
        });
        thread::spawn(move || drop(say.send(tail(errors))));
        let about = About {
            program: program.to_owned(),
            version: String::new(),
            families: Vec::new(),
            characters: Vec::new(),
        };
        let mut process = Self { child, requests, answers, last_words, about };
        let greeting = match greeting.recv_timeout(limit) {
            Ok(Ok(greeting)) => greeting,
            Ok(Err(_)) => {
                let why = format!("it does not speak as {} does ({})", super::PROGRAM, process.end());
                return Err(unusable(why));
            }
            Err(_) => return Err(unusable("it says nothing".to_owned())),
        };
        if greeting.protocol != PROTOCOL {
            let why = format!(
                "it speaks protocol {}, and this program speaks {PROTOCOL}; build the one of this version: `{INSTALL}`",
                greeting.protocol
            );
            return Err(unusable(why));
        }
        process.about.version = format!("{} (typst {})", greeting.program, greeting.typst);
        match process.ask(set_up, limit) {
            Ok((Answer::Ready { families, characters }, _)) => {
                process.about.families = families;
                process.about.characters = characters;
                Ok(process)
            }
            Ok((Answer::Faults(faults), _)) => {
                Err(TypesettingError::Faults(problems(faults, Problem::error)))
            }
            Ok((Answer::Pdf { .. } | Answer::Png { .. }, _)) => {
                Err(unusable("it gave a letter that nobody asked for".to_owned()))
            }
            Err(End::TooSlow) => Err(unusable("it takes the files and never answers".to_owned())),
            Err(End::Ended(why)) => Err(unusable(why)),
        }
    }

    /// Says something and waits for the answer, at most as long as `limit`.
    ///
    /// After an error the process is good for nothing.
    pub(super) fn ask(&mut self, request: Vec<u8>, limit: Duration) -> Result<(Answer, Vec<u8>), End> {
        if self.requests.send(request).is_err() {
            return Err(End::Ended(self.end()));
        }
        match self.answers.recv_timeout(limit) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(End::Ended(self.end())),
            Err(RecvTimeoutError::Timeout) => Err(End::TooSlow),
        }
    }

    /// Ends it, and says how it ended and what it said last.
    fn end(&mut self) -> String {
        // Its pipes may close a moment before it is gone, so a status of its own is worth waiting for.
        let said = self.last_words.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        let _ = self.child.kill();
        let how = self.child.wait().map_or_else(|error| error.to_string(), ended);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        if said.is_empty() { how } else { format!("{how}, after \"{said}\"") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Carries requests in and answers out until either side is gone.
fn converse(
    mut input: ChildStdin,
    mut output: BufReader<ChildStdout>,
    requests: &Receiver<Vec<u8>>,
    answers: &Sender<std::io::Result<(Answer, Vec<u8>)>>,
) {
    for request in requests {
        let answer =
            input.write_all(&request).and_then(|()| input.flush()).and_then(|()| read_answer(&mut output));
        let broken = answer.is_err();
        if answers.send(answer).is_err() || broken {
            return;
        }
    }
}

/// Reads to the end and returns the last of it.
fn tail(mut errors: ChildStderr) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read) = errors.read(&mut buffer) {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&buffer[..read]);
        let much = kept.len().saturating_sub(KEPT);
        kept.drain(..much);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Says how a process ended: `exit status: 1`, `signal: 9 (SIGKILL)`.
fn ended(status: ExitStatus) -> String {
    format!("it ended with {status}")
}
