//! One verb, one file, one short story. Failures are converted for people here, and nowhere below.

pub mod ask;
pub mod bar;
pub mod check;
mod correct_address;
pub mod enclosures;
mod entrance;
mod evidence;
pub mod explain;
pub mod follow_up;
pub mod inbox;
pub mod init;
mod interrupt;
mod keep_files;
pub mod log_file;
pub mod manual;
pub mod mark;
pub mod outcome_file;
mod paper;
pub mod pause;
pub mod pdf_letters;
mod preflight;
pub mod preview;
pub mod proof;
mod proof_page;
mod proof_sheets;
pub mod reading;
mod refusals;
pub mod rehearse;
pub mod review;
pub mod run;
pub mod send;
mod sending;
mod sent_list;
pub mod serve;
pub mod settle;
pub mod show;
pub mod show_plan;
mod spam;
pub mod stationery;
pub mod status;
pub mod status_csv;
pub mod suppress;
pub mod survey;
pub mod tasks;
pub mod test_letter;
mod trial_pages;
pub mod why;

use std::path::{Path, PathBuf};

use crate::campaign::problem::Problems;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::Environment;
use crate::exit::Exit;
use crate::ledger::record::Campaign;
use crate::ledger::{Ledger, LedgerError, Reader};
use crate::report::{Failure, Report, Style, count};

/// What every command is handed.
#[derive(Clone)]
pub struct Context {
    /// The campaign's folder.
    pub folder: PathBuf,
    /// The time.
    pub clock: Clock,
    /// Where secrets and preferences come from.
    pub environment: Environment,
    /// Where words go.
    pub report: Report,
    /// The folder of the rehearsal that is meant instead of the campaign itself, if one is.
    pub rehearsal: Option<PathBuf>,
}

impl Context {
    /// Returns the same for who tells elsewhere what is wrong; the terminal stays quiet.
    fn quiet(&self) -> Self {
        let report = Report { out: Style::PLAIN, err: Style::PLAIN, quiet: true, interactive: false };
        Self { report, ..self.clone() }
    }

    /// Returns the folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.rehearsal.clone().unwrap_or_else(|| self.folder.join("logs"))
    }

    /// Returns a command as a person types it to look at what this one works on.
    pub fn typed(&self, command: &str) -> String {
        match &self.rehearsal {
            None => command.to_owned(),
            Some(folder) if *folder == self.rehearsals() => format!("{command} --rehearsal"),
            Some(folder) => format!("{command} --rehearsal={}", folder.display()),
        }
    }

    /// Reads the settings alone; tells their problems.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut problems = Problems::default();
        let config = self.config_with(&mut problems)?;
        if problems.errors() > 0 {
            self.report.problems(&problems);
            return Err(wrong_input(&problems));
        }
        Ok(config)
    }

    /// Reads the settings and adds their problems to others.
    ///
    /// # Errors
    /// When there are none to speak of; their problems have been told then.
    pub fn config_with(&self, problems: &mut Problems) -> Result<Config, Failure> {
        match crate::config::load(&self.folder, &|name| self.environment.get(name), problems) {
            Some(mut config) => {
                self.rehearsal.iter().for_each(|folder| rehearse::redirect(&mut config, folder));
                Ok(config)
            }
            None => {
                self.report.problems(problems);
                let mut failure = wrong_input(problems);
                if !self.folder.join("config.toml").exists() {
                    failure = failure
                        .hint("postduif init DIR writes a new campaign folder")
                        .hint("postduif -C DIR … works on the campaign in DIR");
                }
                Err(failure)
            }
        }
    }
}

/// The failure that follows from problems which have been told one by one.
pub fn wrong_input(problems: &Problems) -> Failure {
    Failure::input(count(problems.errors(), "problem")).safe("nothing was planned and nothing was sent")
}

/// Says for people what is wrong with the ledger.
pub fn ledger_failed(error: LedgerError) -> Failure {
    let said = error.to_string();
    match error {
        LedgerError::Held { .. } => Failure::new(Exit::Ledger, said)
            .hint("only one process sends for one ledger; wait for it, or look with `postduif status`")
            .safe("nothing was changed"),
        LedgerError::Refused { .. } => Failure::input(said).safe("nothing was changed"),
        LedgerError::TooNew { .. } => {
            Failure::new(Exit::Ledger, said).hint("use that newer version").safe("nothing was changed")
        }
        LedgerError::Unavailable { .. } => Failure::new(Exit::Ledger, said)
            .safe("what was written before is safe; run the command again when the ledger can be used"),
        LedgerError::NotOurs { .. } | LedgerError::Stopped { .. } => Failure::new(Exit::Ledger, said),
    }
}

/// Opens the ledger of a campaign that was launched.
///
/// # Errors
/// When nothing has been sent yet.
pub fn launched(config: &Config) -> Result<(Reader, Campaign), Failure> {
    let reader = Ledger::read(&config.ledger).map_err(ledger_failed)?;
    let found = match reader {
        Some(reader) => {
            reader.campaign(&config.name).map_err(ledger_failed)?.map(|campaign| (reader, campaign))
        }
        None => None,
    };
    found.ok_or_else(|| {
        Failure::input(format!("nothing has been sent yet for the campaign \"{}\"", config.name))
            .hint("postduif send begins it")
    })
}

/// Returns the key that a person means: as typed, or the only one that differs in case alone.
///
/// # Errors
/// When there is none, or more than one.
pub fn one_key(reader: &Reader, campaign: &Campaign, typed: &str) -> Result<String, Failure> {
    let mut found = reader.find_keys(campaign.id, typed).map_err(ledger_failed)?;
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => Err(Failure::input(format!("no recipient has the key `{typed}`"))
            .hint("`postduif status` lists them; keys come from the column named in `[recipients] key`")),
        _ => Err(Failure::input(format!("`{typed}` may be any of {}", found.join(", ")))),
    }
}

/// Shows a path as a person would type it: without the `./` of the folder we are in.
pub fn shown_path(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// Makes the machinery that waits for sockets and timers.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("the system gives no threads: {error}")))
}
