//! The command line; the doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Write to each person once, at a decent pace, know what became of it, and stop when they answer.
///
/// A campaign is a folder: config.toml, recipients.csv, templates/, logs/. Begin with `postduif init`, look at what would
/// go out with `postduif preview`, and send with `postduif send`. Until you configure a real account, letters go to a
/// rehearsal relay inside the program: nothing leaves your machine.
#[derive(Debug, Parser)]
#[command(name = "postduif", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// The campaign's folder.
    #[arg(short = 'C', long = "campaign", value_name = "DIR", default_value = ".", global = true)]
    pub folder: PathBuf,

    /// Only results and failures.
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a new campaign folder, never over existing files.
    Init(Init),
    /// Read everything and name every problem at once; nothing is written.
    Check(Check),
    /// The dry run: all letters exactly as they would be sent, and the plan.
    Preview(Preview),
    /// Send the letters, after showing the plan and asking.
    Send(Send),
    /// Write again to those who did not answer, after reading the mailbox and asking.
    FollowUp(FollowUp),
    /// Keep the campaign going by itself: read the mailbox, send what is due, until everything has ended.
    Run(Run),
    /// Play the whole campaign, all letters, against a built-in town whose people answer, are away and bounce; in seconds.
    Rehearse(Rehearse),
    /// Where the campaign stands, by state and recipient.
    Status(Status),
    /// One line: what happened to this recipient, and why.
    Why(Why),
    /// Print again, byte for byte, what was handed over to the relay; or what they wrote back.
    Show(Show),
    /// The answer to "we never received it": what was handed over, the relay's reply, and when, in one ZIP file.
    Proof(Proof),
    /// Say what became of a letter that is in doubt.
    Settle(Settle),
    /// Say what came by telephone, by letter or in the corridor, or what you did for a recipient who takes no mail.
    Mark(Mark),
    /// Read the mailbox and record who answered, what bounced, who is away; or say what messages in files are.
    Inbox(Inbox),
    /// Judge what came back and is not certain: each with its evidence, one key each.
    Review(Review),
    /// Open the page for people who do not type commands; on this machine alone, unless told otherwise.
    Serve(Serve),
    /// Stop sending, also in a process that is running, until `resume`.
    Pause(Pause),
    /// Go on after a pause.
    Resume,
    /// Stop the campaign for good: letters that are still queued are never sent.
    Cancel(Cancel),
    /// Whom we do not write to, in any campaign of this ledger.
    Suppress(Suppress),
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Write the man pages into a folder.
    Man(Man),
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// The folder; it is made where it is missing.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Make the first letter out of one that exists: .docx, .odt, .md, .html or .txt.
    #[arg(long, value_name = "DOCUMENT")]
    pub from: Option<PathBuf>,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Problems as JSON lines on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `preview`
#[derive(Debug, Args)]
pub struct Preview {
    /// Show this recipient's letter.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Write one .eml file for each letter, one .txt for each task, and an index.html to look through them.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write each letter as a PDF, for printing and post; with KEY, that one.
    #[arg(long, value_name = "DIR")]
    pub pdf: Option<PathBuf>,
    /// With KEY: the letter of this step, from 1, as it goes if nobody answers.
    #[arg(long, requires = "key", value_name = "N", default_value_t = 1)]
    pub step: u32,
    /// With KEY: the whole message as it goes over the line, headers and all.
    #[arg(long, requires = "key")]
    pub raw: bool,
    /// With KEY: the plain text and nothing else, ready to be copied into a form.
    #[arg(long, requires = "key", conflicts_with = "raw")]
    pub text: bool,
    /// Print only the plan's digest.
    #[arg(long, conflicts_with_all = ["key", "out", "pdf"])]
    pub digest: bool,
}

/// `send`
#[derive(Debug, Args)]
pub struct Send {
    /// Do not ask; needed where there is no terminal.
    #[arg(short, long)]
    pub yes: bool,
    /// Send only if the plan still has this digest (the first six digits or more).
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// At most so many letters in this run.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Only this recipient; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub only: Vec<String>,
    /// Send one recipient's letter (the first, or the one of --only) to this address instead, marked as a test.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["plan", "limit"])]
    pub test: Option<String>,
    /// With --test: the letter of this step, from 1, as it goes if nobody answers.
    #[arg(long, requires = "test", value_name = "N", default_value_t = 1)]
    pub step: u32,
    /// Stay until nothing is queued any more: through office hours, limits per day and retries.
    #[arg(long)]
    pub wait: bool,
}

/// `follow-up`
#[derive(Debug, Args)]
pub struct FollowUp {
    /// Do not ask; needed where there is no terminal.
    #[arg(short, long)]
    pub yes: bool,
    /// Only show who would get a letter, and who not and why; nothing is sent.
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Write to this one although the organisation has answered; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub despite_reply: Vec<String>,
    /// Only this recipient; may be given several times.
    #[arg(long, value_name = "KEY")]
    pub only: Vec<String>,
    /// Stay until all of them have gone: through office hours, limits per day and retries.
    #[arg(long)]
    pub wait: bool,
}

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// Do not ask: what the plan shows, and what is overdue, may go.
    #[arg(short, long)]
    pub yes: bool,
    /// Begin only if the plan still has this digest (the first six digits or more).
    #[arg(long, value_name = "DIGEST")]
    pub plan: Option<String>,
    /// Tell health and metrics (Prometheus) on this address of the machine itself, such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS")]
    pub status_listen: Option<String>,
}

impl Command {
    /// Returns the rehearsal that is meant instead of the campaign, if one is: the last, or that in a folder.
    pub fn rehearsal(&self) -> Option<Option<PathBuf>> {
        match self {
            Command::Status(what) => what.rehearsal.clone(),
            Command::Why(what) => what.rehearsal.clone(),
            Command::Show(what) => what.rehearsal.clone(),
            _ => None,
        }
    }
}

/// `rehearse`
#[derive(Debug, Args)]
pub struct Rehearse {
    /// Where chance begins, for whom the script does not name: the same number, the same people, the same answers.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Who does what; without it, rehearsal.toml in the campaign's folder where it is there, else all by chance.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// The day on which the rehearsal begins, such as 2025-09-08. Default: that of the script, or today.
    #[arg(long, value_name = "DAY")]
    pub begin: Option<String>,
    /// Where everything is kept, in place of logs/rehearsed; the rehearsal before is replaced.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `status`
#[derive(Debug, Args)]
pub struct Status {
    /// Only this recipient.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Of the last rehearsal, or of that in DIR, instead of the campaign itself.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub rehearsal: Option<Option<PathBuf>>,
}

/// `why`
#[derive(Debug, Args)]
pub struct Why {
    /// The recipient.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Of the last rehearsal, or of that in DIR, instead of the campaign itself.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub rehearsal: Option<Option<PathBuf>>,
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// The recipient.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The letter of this step, from 1; else the last that was handed over.
    #[arg(long, value_name = "N")]
    pub step: Option<u32>,
    /// What came back from them instead: the text without quotations, and where the attachments are.
    #[arg(long, conflicts_with = "step")]
    pub replies: bool,
    /// Of the last rehearsal, or of that in DIR, instead of the campaign itself.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    pub rehearsal: Option<Option<PathBuf>>,
}

/// `proof`
#[derive(Debug, Args)]
pub struct Proof {
    /// The recipient.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The file to write: the message, a page for people and one for programs. Blind copies are not in it.
    #[arg(long, value_name = "FILE.zip")]
    pub out: PathBuf,
    /// The letter of this step, from 1; else the last that was handed over.
    #[arg(long, value_name = "N")]
    pub step: Option<u32>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// `settle`
#[derive(Debug, Args)]
pub struct Settle {
    /// The recipient.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// What you know.
    #[arg(value_enum, value_name = "WORD")]
    pub word: Word,
    /// How you know it, for the history.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// `inbox`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Inbox {
    /// Messages: files, folders with all that is in them, `.mbox` files. Nothing is recorded of them; without any, the mailbox is read.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only explain the files, record nothing; this is what becomes of files in any case.
    #[arg(long, requires = "files")]
    pub explain: bool,
    /// One JSON object a line for each message.
    #[arg(long)]
    pub json: bool,
    /// Only say what each file is; there need not be a campaign.
    #[arg(long, requires = "files")]
    pub no_campaign: bool,
    /// What was sent, as a CSV file with the columns key, message_id, address, subject, sent_at: to say to which letter each belongs.
    #[arg(long, value_name = "FILE", requires = "files")]
    pub sent: Option<PathBuf>,
    /// Stay, and read whatever comes, until Ctrl-C.
    #[arg(long, conflicts_with = "files")]
    pub watch: bool,
}

/// A person's word on a letter in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// It went out: it is in the Sent folder, or they have it.
    Accepted,
    /// It did not go out: queue it again.
    Again,
}

/// `mark`
#[derive(Debug, Args)]
pub struct Mark {
    /// The recipient.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// What you know.
    #[arg(value_enum, value_name = "WORD")]
    pub word: MarkWord,
    /// What else there is to say, for the history: a number of receipt, whom you spoke.
    #[arg(value_name = "TEXT", conflicts_with = "note")]
    pub text: Option<String>,
    /// The same.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Which letter, where the recipient gets several.
    #[arg(long, value_name = "N")]
    pub step: Option<u32>,
}

/// A person's word on a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MarkWord {
    /// The task is done: the form is filled in, the letter posted, the call made.
    Done,
    /// It is not done after all; or what stopped the next letters (an answer, a bounce) is taken back.
    Open,
    /// They answered: nobody of the organisation is written to any more.
    Replied,
    /// They answered, and will not do what was asked.
    Declined,
    /// They want no more letters: the address goes onto the suppression list.
    OptedOut,
    /// The letter did not arrive.
    Bounced,
    /// The address is wrong: it goes onto the suppression list, and the right one belongs into the roster.
    WrongAddress,
    /// Only a remark for the history.
    Note,
    /// The next letter waits, until `release`.
    Hold,
    /// The next letter waits no longer.
    Release,
}

/// `review`
#[derive(Debug, Args)]
pub struct Review {
    /// Judge this one, by its number.
    #[arg(value_name = "NUMBER", requires = "word")]
    pub number: Option<i64>,
    /// What it is.
    #[arg(value_enum, value_name = "WORD")]
    pub word: Option<ReviewWord>,
    /// It belongs to this recipient.
    #[arg(long, value_name = "KEY", requires = "number")]
    pub key: Option<String>,
    /// Of an absence: the day of return, such as 2025-09-08.
    #[arg(long, value_name = "DAY", requires = "number")]
    pub until: Option<jiff::civil::Date>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT", requires = "number")]
    pub note: Option<String>,
    /// Only list them.
    #[arg(long, conflicts_with = "number")]
    pub list: bool,
    /// List them as JSON lines.
    #[arg(long, conflicts_with_all = ["number", "list"])]
    pub json: bool,
}

/// What something is that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReviewWord {
    /// An answer: nobody of the organisation is written to any more.
    Reply,
    /// An automatic answer; nothing follows from it.
    AutoReply,
    /// They are away until a day: the next letter waits until then.
    Away,
    /// The letter did not arrive.
    Bounced,
    /// The address is wrong: it goes onto the suppression list.
    WrongAddress,
    /// The letter did not arrive, and goes again in two days.
    SendAgain,
    /// They want no more letters: the address goes onto the suppression list.
    OptedOut,
    /// They call it spam: the address goes onto the suppression list.
    Complaint,
    /// It has nothing to do with our letter.
    Nothing,
}

/// `serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Where: an address and a port; port 0 takes any that is free. An address that other machines can reach needs TLS, or a
    /// proxy that does it, and a password.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8420")]
    pub listen: String,
    /// The certificate for TLS (PEM), followed by those that signed it.
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Its key (PEM, without a pass phrase).
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// With TLS: a name by which browsers reach the page, such as page.example; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub name: Vec<String>,
    /// A proxy in front does TLS; browsers reach it here, such as https://page.example.
    #[arg(long, value_name = "ORIGIN")]
    pub behind_proxy: Option<String>,
    /// The environment variable that holds the password which lets in; it has 12 characters or more.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "password_file")]
    pub password_env: Option<String>,
    /// The file whose first line is the password; only its owner may be able to read it.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Only show: nothing can be judged, marked or approved.
    #[arg(long)]
    pub read_only: bool,
}

/// `pause`
#[derive(Debug, Args)]
pub struct Pause {
    /// Why, for the history and for whoever looks next.
    #[arg(value_name = "WHY", default_value = "paused by hand")]
    pub why: String,
}

/// `cancel`
#[derive(Debug, Args)]
pub struct Cancel {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// `suppress`
#[derive(Debug, Args)]
pub struct Suppress {
    /// What to do.
    #[command(subcommand)]
    pub what: SuppressWhat,
}

/// What to do with the suppression list.
#[derive(Debug, Subcommand)]
pub enum SuppressWhat {
    /// Never write to this address, or to any address of this domain and of those below it.
    Add {
        /// `ada@party.example` or `party.example`.
        #[arg(value_name = "ADDRESS|DOMAIN")]
        what: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take it off the list; a letter that was withdrawn because of it stays withdrawn.
    Remove {
        /// `ada@party.example` or `party.example`.
        #[arg(value_name = "ADDRESS|DOMAIN")]
        what: String,
    },
    /// List everything, with reason and date.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`
#[derive(Debug, Args)]
pub struct Man {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help() {
        fn look(command: &clap::Command, path: &str, without: &mut Vec<String>) {
            for argument in
                command.get_arguments().filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
            {
                if argument.get_help().is_none() {
                    without.push(format!("{path} {}", argument.get_id()));
                }
            }
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                if sub.get_about().is_none() {
                    without.push(path.clone());
                }
                look(sub, &path, without);
            }
        }
        let mut without = Vec::new();
        look(&super::Cli::command(), "postduif", &mut without);
        assert_eq!(without, Vec::<String>::new());
    }
}
