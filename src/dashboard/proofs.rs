//! What there is to read before anything goes: the plan, the findings, each letter. Values, made by whoever holds the press.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::campaign::plan::LeftOut;
use crate::campaign::recipient::Errand;
use crate::delivery::pace::Pace;

/// Makes the dry run.
pub type MakeProof = Box<dyn Fn() -> Result<Arc<Proof>, String> + Send + Sync>;
/// Makes the letter of a step to a recipient, by its key; nothing where nobody has that key.
pub type MakeSheet = Box<dyn Fn(&str, u32) -> Result<Option<Sheet>, String> + Send + Sync>;

/// Reads a file that goes along with a letter, by its number in [`Sheet::attachments`]; nothing where there is none.
pub type ReadFile = Box<dyn Fn(&str, u32, usize) -> Result<Option<Along>, String> + Send + Sync>;

/// Makes the texts that people copy for these recipients, by key, as far as they can be made.
pub type MakeTexts = Box<dyn Fn(&[&str]) -> Result<HashMap<String, String>, String> + Send + Sync>;

/// Makes what there is to read, as the files have it at this moment. What cannot be read is told in a sentence.
pub struct Proofs {
    /// Everything but the letters themselves.
    pub all: MakeProof,
    /// Each letter.
    pub sheet: MakeSheet,
    /// The texts of tasks.
    pub texts: MakeTexts,
    /// Each file that goes along.
    pub file: ReadFile,
}

/// The dry run.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The plan's digest.
    pub digest: String,
    /// Letters that would go.
    pub letters: u64,
    /// Recipients on the roster.
    pub recipients: u64,
    /// Tasks for a person.
    pub tasks: u64,
    /// Who gets none: why, how many, some of them.
    pub left_out: Vec<(LeftOut, u64, Vec<String>)>,
    /// Who writes.
    pub from: String,
    /// Where letters go, in words of the program; nothing where they stay on this machine, which the page says in its own.
    pub way: Option<String>,
    /// Whether they would leave the machine.
    pub is_real: bool,
    /// How fast.
    pub pace: Pace,
    /// When the first goes.
    pub first: Option<Timestamp>,
    /// When the last goes.
    pub last: Option<Timestamp>,
    /// How many octets, in words of the program.
    pub volume: Option<String>,
    /// The last day for everybody.
    pub deadline: Option<Date>,
    /// How many findings stop the plan.
    pub errors: u64,
    /// What was found, those that stop the plan first.
    pub findings: Vec<Finding>,
    /// How many more were found.
    pub more_findings: u64,
    /// Everybody on the roster, in its order.
    pub rows: Vec<ProofRow>,
    /// How many letters the sequence has.
    pub steps: u32,
}

/// Something that was found before a letter left.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whether it stops the plan.
    pub stops: bool,
    /// Why somebody said that it may stay.
    pub accepted: Option<String>,
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub place: String,
    /// What is wrong.
    pub said: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whom it is about.
    pub key: Option<String>,
}

/// One recipient of the dry run.
#[derive(Clone, Debug)]
pub struct ProofRow {
    /// Its key.
    pub key: String,
    /// The body that it answers for.
    pub organisation: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// What a person does, for one who takes no mail.
    pub errand: Option<Errand>,
    /// What shape its letter has: letters of one shape differ in their values alone.
    pub shape: Option<u64>,
}

/// One letter, as it would go.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The subject.
    pub subject: String,
    /// The head fields: names and values.
    pub fields: Vec<(String, String)>,
    /// The page; none for what a person does.
    pub html: Option<String>,
    /// The same with the merged values marked.
    pub marked: Option<String>,
    /// The text.
    pub text: String,
    /// The text cut at its values: each piece, with what the author wrote where it is a value.
    pub pieces: Vec<(String, Option<String>)>,
    /// What goes along: name, media type, and how many octets, where that is known before it is made.
    pub attachments: Vec<(String, String, Option<u64>)>,
    /// What was found in it.
    pub findings: Vec<Finding>,
    /// For a task: where the form is.
    pub link: Option<String>,
    /// For a task: the most characters that the form takes.
    pub limit: Option<u64>,
    /// For a task: the last day.
    pub due: Option<Date>,
}

/// A file that goes along with a letter.
#[derive(Clone, Debug)]
pub struct Along {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its octets.
    pub bytes: Vec<u8>,
}
