//! What the page has to read before anything goes: the dry run as values. It is surveyed anew whenever a file of the campaign or
//! the ledger has changed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;

use super::reading::Reading;
use super::survey::{Survey, survey};
use super::{Context, preflight, preview, show_plan, tasks};
use crate::campaign::problem::{Problem, Problems, RowPlace, Severity};
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::dashboard::proofs::{Along, Finding, Proof, ProofRow, Proofs, Sheet};
use crate::ledger::Ledger;
use crate::report::Failure;

/// The shapes of letters are looked at up to so many; a longer list is read in its order.
const SHAPED: usize = 5000;

/// When something that the plan depends on was changed last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    /// Files and folders: how many, how large together, and the newest.
    files: (u64, u64, Option<SystemTime>),
    /// The newest event of the ledger.
    event: i64,
    /// The minute, or the hour where the dry run takes long: the times that it foresees pass.
    time: i64,
}

/// Makes the functions that the page is given.
pub(super) fn proofs(context: &Context) -> Proofs {
    // The page tells what is wrong.
    let context = context.quiet();
    let (of_sheet, of_file, of_texts) = (context.clone(), context.clone(), context.clone());
    let known: Mutex<Option<(Stamp, Arc<Proof>)>> = Mutex::new(None);
    let all = move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let many = known.as_ref().is_some_and(|(_, proof)| proof.rows.len() > SHAPED);
        let stamp = stamp(&context, if many { 3600 } else { 60 });
        if let Some((of, proof)) = known.as_ref()
            && *of == stamp
        {
            return Ok(Arc::clone(proof));
        }
        let proof = Arc::new(proof(&context).map_err(|failure| failure.said)?);
        *known = Some((stamp, Arc::clone(&proof)));
        Ok(proof)
    };
    let sheet = move |key: &str, step: u32| sheet(&of_sheet, key, step).map_err(|failure| failure.said);
    let file = move |key: &str, step: u32, nth: usize| {
        file(&of_file, key, step, nth).map_err(|failure| failure.in_one_sentence())
    };
    let texts = move |keys: &[&str]| texts(&of_texts, keys).map_err(|failure| failure.said);
    Proofs { all: Box::new(all), sheet: Box::new(sheet), texts: Box::new(texts), file: Box::new(file) }
}

fn stamp(context: &Context, seconds: i64) -> Stamp {
    let mut files = (0, 0, None);
    for name in ["config.toml", "templates", "attachments"] {
        look(&context.folder.join(name), 6, &mut files);
    }
    let config =
        crate::config::load(&context.folder, &|name| context.environment.get(name), &mut Problems::default());
    let mut event = 0;
    if let Some(config) = config {
        look(&config.roster, 0, &mut files);
        event = Ledger::read(&config.ledger)
            .ok()
            .flatten()
            .and_then(|reader| reader.newest_event().ok())
            .unwrap_or(0);
    }
    Stamp { files, event, time: context.clock.now().as_second() / seconds }
}

fn look(path: &Path, deepest: usize, files: &mut (u64, u64, Option<SystemTime>)) {
    let Ok(about) = fs::metadata(path) else { return };
    files.0 += 1;
    files.1 = files.1.wrapping_add(about.len());
    files.2 = files.2.max(about.modified().ok());
    if about.is_dir() && deepest > 0 {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            look(&entry.path(), deepest - 1, files);
        }
    }
}

fn proof(context: &Context) -> Result<Proof, Failure> {
    let mut reading = Reading::of(context)?;
    let surveyed = survey(context, &mut reading, &[])?;
    let now = context.clock.now();
    let rows = rows(&reading, &surveyed, now)?;
    let (config, plan) = (&reading.config, surveyed.plan);
    let unready = config.unready.iter();
    let mut findings: Vec<Finding> =
        reading.problems.sorted().into_iter().chain(unready).map(finding).collect();
    findings.sort_by_key(|finding| (!finding.stops, finding.accepted.is_some()));
    Ok(Proof {
        digest: plan.digest,
        letters: plan.letters,
        recipients: plan.recipients,
        tasks: plan.tasks,
        left_out: plan.left_out.into_iter().map(|(why, group)| (why, group.count, group.examples)).collect(),
        from: config.sender.from.to_string(),
        way: reading.is_real().then(|| show_plan::way(&config.transport)),
        is_real: reading.is_real(),
        pace: config.pace.pace.clone(),
        first: plan.forecast.map(|told| told.first),
        last: plan.forecast.map(|told| told.last),
        volume: surveyed.volume,
        deadline: config.deadlines.last,
        errors: reading.problems.errors() + config.unready.len() as u64,
        findings,
        more_findings: reading.problems.left_out(),
        rows,
        steps: u32::try_from(reading.press.as_ref().map_or(1, |press| press.definition().steps.len()))
            .unwrap_or(1),
    })
}

/// Everybody on the roster, each with the shape of its letter.
fn rows(reading: &Reading, surveyed: &Survey, now: Timestamp) -> Result<Vec<ProofRow>, Failure> {
    if reading.roster.is_none() {
        return Ok(Vec::new());
    }
    let mut rows = Vec::new();
    for row in reading.rows()?.leaving_out(surveyed.suspects.clone()) {
        let Row::Recipient { recipient, .. } = row else { continue };
        let shape = || {
            let press = reading.press.as_ref()?;
            press.letter(1)?.draft(&press.input(&recipient, now)).ok().map(|draft| draft.shape)
        };
        let shape = if rows.len() < SHAPED { shape() } else { None };
        rows.push(ProofRow {
            shape,
            key: recipient.key.clone(),
            organisation: recipient.organisation.clone(),
            address: recipient.address().map(ToString::to_string),
            errand: recipient.errand(),
        });
    }
    Ok(rows)
}

fn finding(problem: &Problem) -> Finding {
    Finding {
        stops: problem.severity == Severity::Error && problem.accepted.is_none(),
        accepted: problem.accepted.as_deref().map(str::to_owned),
        name: problem.name,
        place: problem.place.as_ref().map(ToString::to_string).unwrap_or_default(),
        said: problem.said.clone(),
        hint: problem.hint.clone(),
        key: problem.recipient.as_deref().map(str::to_owned),
    }
}

/// Prints one letter as it would go.
fn sheet(context: &Context, key: &str, step: u32) -> Result<Option<Sheet>, Failure> {
    let reading = Reading::of(context)?;
    let Some(press) = reading.press.as_ref().filter(|press| press.letter(step).is_some()) else {
        return Err(super::wrong_input(&reading.problems));
    };
    let now = context.clock.now();
    let Some((at, recipient)) = row(&reading, key)? else { return Ok(None) };
    let problems = preflight::of_one(&reading, now, at, &recipient);
    let findings = problems.sorted().into_iter().map(finding).collect();
    if let Some(task) = tasks::task(&reading.config, &recipient) {
        let merged = press.merge(&recipient, step, now, None).map_err(Failure::input)?;
        return Ok(Some(Sheet {
            subject: merged.subject.clone(),
            text: tasks::copied(&merged.text).to_owned(),
            findings,
            link: task.link,
            limit: task.limit,
            due: task.due,
            ..Sheet::default()
        }));
    }
    Ok(Some(of_mail(&reading, &recipient, step, now, findings)?))
}

fn of_mail(
    reading: &Reading,
    recipient: &Recipient,
    step: u32,
    now: Timestamp,
    findings: Vec<Finding>,
) -> Result<Sheet, Failure> {
    let Some(press) = &reading.press else { return Err(super::wrong_input(&reading.problems)) };
    let attachments = reading.attachments(recipient, step, now)?;
    let printed = preview::print(press, recipient, step, &attachments, now, false)?;
    let of_row = press.row(recipient, step, now, None);
    let letter = press.letter(step);
    let made = letter.and_then(|letter| letter.manuscript(&of_row.input()).ok().flatten());
    let made = made.map(|manuscript| (manuscript.file_name, "application/pdf".to_owned(), None));
    let files = printed.attachments.iter();
    let files = files.map(|file| (file.name.clone(), file.media_type.clone(), Some(file.bytes.len() as u64)));
    let draft = letter.and_then(|letter| letter.draft(&of_row.input()).ok());
    let owned = |(text, said): (&str, Option<&str>)| (text.to_owned(), said.map(str::to_owned));
    Ok(Sheet {
        fields: head(&printed.bytes),
        // In the order in which the message has them.
        attachments: made.into_iter().chain(files).collect(),
        subject: printed.subject,
        html: Some(printed.html),
        marked: letter.and_then(|letter| letter.marked(&of_row.input()).ok()),
        pieces: draft.map(|draft| draft.pieces().into_iter().map(owned).collect()).unwrap_or_default(),
        text: printed.text,
        findings,
        ..Sheet::default()
    })
}

/// Finds the row of a key.
fn row(reading: &Reading, key: &str) -> Result<Option<(RowPlace, Recipient)>, Failure> {
    Ok(reading.rows()?.find_map(|row| match row {
        Row::Recipient { at, recipient, .. } | Row::LeftOut { at, recipient, .. } if recipient.key == key => {
            Some((at, recipient))
        }
        _ => None,
    }))
}

/// Merges the texts that people copy; leaves out whose cannot be merged.
fn texts(context: &Context, keys: &[&str]) -> Result<HashMap<String, String>, Failure> {
    let mut texts = HashMap::with_capacity(keys.len());
    if keys.is_empty() {
        return Ok(texts);
    }
    let reading = Reading::of(context)?;
    let Some(press) = reading.press.as_ref() else { return Err(super::wrong_input(&reading.problems)) };
    let now = context.clock.now();
    for row in reading.rows()? {
        let Row::Recipient { recipient, .. } = row else { continue };
        if keys.contains(&recipient.key.as_str())
            && let Ok(merged) = press.merge(&recipient, 1, now, None)
        {
            texts.insert(recipient.key, tasks::copied(&merged.text).to_owned());
            if texts.len() == keys.len() {
                break;
            }
        }
    }
    Ok(texts)
}

/// Makes or reads a file that goes along with a letter.
fn file(context: &Context, key: &str, step: u32, nth: usize) -> Result<Option<Along>, Failure> {
    let reading = Reading::of(context)?;
    let Some(press) = reading.press.as_ref() else { return Err(super::wrong_input(&reading.problems)) };
    let Some((_, recipient)) = row(&reading, key)? else { return Ok(None) };
    if press.letter(step).is_none() || recipient.errand().is_some() {
        return Ok(None);
    }
    let now = context.clock.now();
    let attachments = reading.attachments(&recipient, step, now)?;
    let printed = preview::print(press, &recipient, step, &attachments, now, true)?;
    Ok(printed.attachments.get(nth).map(|file| Along {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes.to_vec(),
    }))
}

/// The head fields of a message as they go over the line, unfolded (RFC 5322 §2.2.3).
fn head(bytes: &[u8]) -> Vec<(String, String)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields = text.split("\r\n").filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
