//! The typesetter: makes PDF letters, in processes of their own.
//!
//! Typst is a library of the second package, `letter-pdf`, and not of this one: it triples the build, and a fault in it must not take
//! the sender down. A [`Typesetter`] finds that program, starts it when the first letter comes, speaks with it over pipes
//! (`letter-pdf/README.md` tells the protocol), and stops it when a letter takes too long.
//!
//! **Promises.** The same manuscript gives the same bytes, in every process and on every day. A process that ends in the middle
//! of a letter is replaced, and the letter tried once more; nothing is lost by that, because a letter is only a question.

mod process;
mod protocol;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::ZonedDateTime;

use crate::campaign::problem::{Place, Problem};
use process::Process;
use protocol::Fault;

/// The program's name.
pub const PROGRAM: &str = "letter-pdf";
/// The one command that builds it and puts it where it is found; typed in the folder of the program's source.
pub const INSTALL: &str = "cargo install --locked --path letter-pdf";

/// Where the program is, and what it may take.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program, where it was named.
    pub program: Option<PathBuf>,
    /// The folders in which it is looked for otherwise, in this order.
    pub folders: Vec<PathBuf>,
    /// How long one letter may take.
    pub limit: Duration,
    /// How many processes at once, at most; one is started when a letter finds the others busy.
    pub processes: usize,
}

impl Settings {
    /// How long one letter may take: a thousand times what it takes, and still enough where it is not optimised and the machine is busy.
    pub const LIMIT: Duration = Duration::from_secs(30);
}

/// Everything that templates can see beside the letter.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Templates, drawings and pictures, by the names that templates know them by.
    pub templates: Vec<(String, Vec<u8>)>,
    /// Fonts beside the embedded ones, with the folder by which people know them.
    pub fonts: Vec<(String, Vec<u8>)>,
}

/// One letter to typeset.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The template: `brief.typ`.
    pub template: &'a str,
    /// What names this letter among all others; it makes the identifier of the file (ISO 32000-1 §14.4).
    pub ident: &'a str,
    /// The date that the file bears, and what is today for the template.
    pub dated: &'a ZonedDateTime,
    /// What the template reads as `data.json`.
    pub data: &'a [u8],
}

/// A letter, typeset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typeset {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// What the typesetter wondered about, such as a font that is not there.
    pub warnings: Vec<Problem>,
}

/// Why a letter could not be typeset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypesettingError {
    /// There is no such program.
    #[error("the typesetter `{PROGRAM}` is not there")]
    Missing {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// There is one, and it is of no use.
    #[error("the typesetter {} cannot be used: {why}", program.display())]
    Unusable {
        /// Which.
        program: PathBuf,
        /// Why.
        why: String,
    },
    /// Something is wrong with the template, with a file beside it, or with the letter.
    #[error("{}", joined(.0))]
    Faults(Vec<Problem>),
    /// It took too long and was stopped.
    #[error("typesetting `{template}` took longer than {} s and was stopped; does a loop in it never end?", limit.as_secs_f64())]
    TooSlow {
        /// The template.
        template: String,
        /// The limit.
        limit: Duration,
    },
    /// The process ended in the middle of the letter, twice.
    #[error("the typesetter broke down over `{template}`: {why}")]
    Broken {
        /// The template.
        template: String,
        /// How it ended, and what it said last.
        why: String,
    },
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a process that has begun says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Where it is.
    pub program: PathBuf,
    /// What it is: `letter-pdf 0.1.0 (typst 0.15.1)`.
    pub version: String,
    /// The families of its fonts.
    pub families: Vec<String>,
    /// The characters that some font has: first and last of each stretch.
    characters: Vec<(u32, u32)>,
}

impl About {
    /// Returns whether some font has this character. White space and marks that join or part letters need none.
    pub fn can_show(&self, character: char) -> bool {
        let at = u32::from(character);
        let invisible = matches!(character, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        let stretch = self.characters.get(self.characters.partition_point(|(_, last)| *last < at));
        invisible
            || character.is_whitespace()
            || character.is_control()
            || stretch.is_some_and(|(first, _)| *first <= at)
    }
}

/// Makes PDF letters. Cheap to share between threads; each letter waits in the thread that asks for it.
#[derive(Debug)]
pub struct Typesetter {
    settings: Settings,
    set_up: Vec<u8>,
    crew: Mutex<Crew>,
    /// Told when a process has nothing to do.
    free: Condvar,
}

#[derive(Debug, Default)]
struct Crew {
    idle: VecDeque<Process>,
    /// Processes that run or are being started.
    hired: usize,
    about: Option<About>,
}

impl Typesetter {
    /// Takes the files; no process is started yet.
    pub fn new(settings: Settings, files: &Files) -> Self {
        let set_up = protocol::set_up(&files.templates, &files.fonts);
        Self { settings, set_up, crew: Mutex::default(), free: Condvar::new() }
    }

    /// Starts a process, if none has been, and returns what it says of itself.
    ///
    /// # Errors
    /// When there is none, or it takes none of the files.
    pub fn about(&self) -> Result<About, TypesettingError> {
        if let Some(about) = &self.lock().about {
            return Ok(about.clone());
        }
        let process = self.take()?;
        let about = process.about.clone();
        self.give_back(Some(process));
        Ok(about)
    }

    /// Typesets a letter.
    ///
    /// # Errors
    /// When there is no typesetter, or the letter cannot be typeset.
    pub fn typeset(&self, order: &Order<'_>) -> Result<Typeset, TypesettingError> {
        self.carry_out(order, None, |answer, pdf| match answer {
            protocol::Answer::Pdf { pages, warnings, .. } => {
                Some(Typeset { pdf, pages, warnings: problems(warnings, Problem::warning) })
            }
            _ => None,
        })
    }

    /// Makes a picture (PNG) of a template that gives one page, with so many pixels a point; with fewer where it would be huge.
    ///
    /// # Errors
    /// When there is no typesetter, the page cannot be typeset, or a picture of it could not be read.
    pub fn picture(&self, order: &Order<'_>, pixels: u8) -> Result<Vec<u8>, TypesettingError> {
        let is_png = |answer| matches!(answer, protocol::Answer::Png { .. });
        self.carry_out(order, Some(pixels), |answer, png| is_png(answer).then_some(png))
    }

    /// Looks whether the program is where it is looked for; none is started, so it may be of no use all the same.
    ///
    /// # Errors
    /// When it is not.
    pub fn find(&self) -> Result<PathBuf, TypesettingError> {
        if let Some(program) = &self.settings.program {
            let there = program.is_file();
            return if there { Ok(program.clone()) } else { Err(missing(vec![program.clone()])) };
        }
        let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
        let found = self.settings.folders.iter().map(|folder| folder.join(&name)).find(|path| path.is_file());
        found.ok_or_else(|| missing(self.settings.folders.clone()))
    }

    /// Asks for a letter and returns what `take` makes of the answer; it makes nothing of one that nobody asked for.
    fn carry_out<T>(
        &self,
        order: &Order<'_>,
        pixels: Option<u8>,
        take: impl Fn(protocol::Answer, Vec<u8>) -> Option<T>,
    ) -> Result<T, TypesettingError> {
        let mut last = String::new();
        // Once more with a fresh process: whoever ended the first may have meant the machine's memory and not the letter.
        for _ in 0..2 {
            let mut process = self.take()?;
            let request = protocol::order(order, pixels);
            match process.ask(request, self.settings.limit) {
                Ok((protocol::Answer::Faults(faults), _)) => {
                    self.give_back(Some(process));
                    return Err(TypesettingError::Faults(problems(faults, Problem::error)));
                }
                Ok((answer, octets)) => {
                    let Some(taken) = take(answer, octets) else {
                        last = "it gave an answer that nobody asked for".to_owned();
                        self.give_back(None);
                        continue;
                    };
                    self.give_back(Some(process));
                    return Ok(taken);
                }
                Err(process::End::TooSlow) => {
                    self.give_back(None);
                    let template = order.template.to_owned();
                    return Err(TypesettingError::TooSlow { template, limit: self.settings.limit });
                }
                Err(process::End::Ended(why)) => {
                    last = why;
                    self.give_back(None);
                }
            }
        }
        Err(TypesettingError::Broken { template: order.template.to_owned(), why: last })
    }

    /// Takes a process that has nothing to do, or starts one where there may be more.
    fn take(&self) -> Result<Process, TypesettingError> {
        let mut crew = self.lock();
        loop {
            if let Some(process) = crew.idle.pop_front() {
                return Ok(process);
            }
            if crew.hired < self.settings.processes.max(1) {
                crew.hired += 1;
                break;
            }
            crew = self.free.wait(crew).unwrap_or_else(PoisonError::into_inner);
        }
        drop(crew);
        let started = self.start();
        match &started {
            Ok(process) => self.lock().about = Some(process.about.clone()),
            Err(_) => self.give_back(None),
        }
        started
    }

    /// Gives a process back, or says that one is gone.
    fn give_back(&self, process: Option<Process>) {
        let mut crew = self.lock();
        match process {
            Some(process) => crew.idle.push_back(process),
            None => crew.hired -= 1,
        }
        self.free.notify_one();
    }

    fn start(&self) -> Result<Process, TypesettingError> {
        let program = self.find()?;
        Process::start(&program, self.set_up.clone(), self.settings.limit)
    }

    fn lock(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(looked: Vec<PathBuf>) -> TypesettingError {
    TypesettingError::Missing { looked }
}

/// Makes problems of what the typesetter found: files are told as the user knows them.
fn problems(faults: Vec<Fault>, kind: fn(&'static str, Place, String) -> Problem) -> Vec<Problem> {
    let problem = |fault: Fault| {
        // Templates are told by their bare names, fonts with their folder.
        let file = match fault.file {
            None => "templates/".to_owned(),
            Some(file) if file.contains('/') => file,
            Some(file) => format!("templates/{file}"),
        };
        let place = Place { line: fault.line, column: fault.column, ..Place::file(file) };
        kind("typesetting", place, fault.said).hint(fault.hint.unwrap_or_default())
    };
    faults.into_iter().map(problem).collect()
}
