//! Every letter as it will arrive, and what was found in it.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use super::proofs::{Finding, Proof, ProofRow, Sheet};
use super::view::{Cut, disposition, in_path, words};
use crate::ledger::{Ledger, Trial, TrialEnd};
use crate::mail::address::Address;

/// Rows of a page.
const ROWS: usize = 60;

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    page: String,
}

/// A recipient in the list, with the number of its shape, and how many findings are about it.
struct Row {
    key: String,
    organisation: String,
    whereto: String,
    shape: Option<usize>,
    findings: usize,
}

#[derive(Template)]
#[template(path = "preview.html")]
struct List {
    p: Page,
    asked: Asked,
    rows: Vec<Row>,
    cut: Cut,
    shapes: usize,
    found: String,
    findings: Vec<Finding>,
    more: u64,
}

impl List {
    fn to_page(&self, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &self.asked.q).append_pair("page", &page.to_string());
        format!("/preview?{}", query.finish())
    }
}

pub(super) async fn list(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.read(move |look| Ok(html(&listed(look, asked)?))).await
}

/// Numbers the shapes, the rarest first: what is odd is read first.
fn shapes(rows: &[ProofRow]) -> HashMap<u64, usize> {
    let mut counts: HashMap<u64, (usize, usize)> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(shape) = row.shape {
            counts.entry(shape).or_insert((0, at)).0 += 1;
        }
    }
    let mut order: Vec<(u64, (usize, usize))> = counts.into_iter().collect();
    order.sort_by_key(|(_, seen)| *seen);
    order.into_iter().enumerate().map(|(nth, (shape, _))| (shape, nth + 1)).collect()
}

/// The rows that match, those of the rarest shape first.
fn in_order<'a>(proof: &'a Proof, words: &[String], shapes: &HashMap<u64, usize>) -> Vec<&'a ProofRow> {
    let text = |row: &ProofRow| {
        let parts = [Some(&row.key), row.organisation.as_ref(), row.address.as_ref()];
        parts.into_iter().flatten().map(|part| part.to_lowercase()).collect::<Vec<_>>().join("\n")
    };
    let matches = |row: &&ProofRow| words.iter().all(|word| text(row).contains(word));
    let mut rows: Vec<&ProofRow> = proof.rows.iter().filter(matches).collect();
    rows.sort_by_key(|row| row.shape.and_then(|shape| shapes.get(&shape)));
    rows
}

fn listed(look: &Look, asked: Asked) -> Result<List, Trouble> {
    let p = look.page(Room::Preview);
    let proof = look.proof()?;
    let shapes = shapes(&proof.rows);
    let rows = in_order(&proof, &words(&asked.q), &shapes);
    let cut = Cut::of(rows.len(), ROWS, asked.page.parse().unwrap_or(1));
    let mut about: HashMap<&str, usize> = HashMap::new();
    for finding in proof.findings.iter().filter(|finding| finding.accepted.is_none()) {
        if let Some(key) = &finding.key {
            *about.entry(key).or_default() += 1;
        }
    }
    let shown = rows[cut.from..cut.to].iter().map(|row| Row {
        key: row.key.clone(),
        organisation: row.organisation.clone().unwrap_or_default(),
        whereto: match (&row.address, row.errand) {
            (Some(address), _) => address.clone(),
            (None, Some(errand)) => p.lang.errand(errand).to_owned(),
            (None, None) => String::new(),
        },
        shape: row.shape.and_then(|shape| shapes.get(&shape).copied()),
        findings: about.get(row.key.as_str()).copied().unwrap_or(0),
    });
    Ok(List {
        rows: shown.collect(),
        found: p.lang.count(rows.len() as u64, p.t.letter_one, p.t.letter_many),
        shapes: shapes.len(),
        findings: proof.findings.clone(),
        more: proof.more_findings,
        asked,
        cut,
        p,
    })
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct One {
    p: Page,
    key: String,
    step: u32,
    steps: Vec<u32>,
    sheet: Sheet,
    /// The files that go along: name, media type, size, address.
    files: Vec<(String, String, String, String)>,
    /// Whether the merged values are marked.
    marks: bool,
    /// Whether a test letter can be asked for.
    tries: bool,
    trials: Trials,
    before: Option<String>,
    after: Option<String>,
    length: String,
    due: Option<String>,
    limit: Option<String>,
    too_long: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    step: Option<u32>,
    /// `off`: the letter as it arrives, without marks.
    marks: Option<String>,
}

impl Which {
    fn step(&self) -> u32 {
        self.step.unwrap_or(1)
    }

    fn marks(&self) -> bool {
        self.marks.as_deref() != Some("off")
    }
}

/// The test letters made of a recipient's, the newest first.
#[derive(Template)]
#[template(path = "trials.html")]
struct Trials {
    key: String,
    lines: Vec<TrialLine>,
    /// Whether one is under way, so that it is worth looking again.
    waits: bool,
}

/// What became of one.
struct TrialLine {
    whereto: String,
    at: String,
    class: &'static str,
    word: &'static str,
    said: String,
}

fn trials(look: &Look, key: &str) -> Result<Trials, Trouble> {
    /// So many are shown.
    const MOST: u32 = 3;
    let p = look.page(Room::Preview);
    let settings = &look.desk.settings;
    let made = match Ledger::read(&settings.ledger)? {
        Some(reader) => reader.trials(&settings.campaign, key, MOST)?,
        None => Vec::new(),
    };
    let waits = made.iter().any(|trial| trial.ended.is_none());
    let line = |trial: Trial| {
        let (class, word, said) = match trial.ended {
            None => ("asks", p.t.trial_waits, String::new()),
            Some((TrialEnd::Sent, said)) => ("good", p.t.trial_sent, said),
            Some((TrialEnd::Failed, why)) => ("bad", p.t.trial_failed, why),
            Some((TrialEnd::InDoubt, why)) => ("asks", p.t.trial_doubt, why),
        };
        TrialLine { at: p.moment(&trial.at), whereto: trial.address, class, word, said }
    };
    Ok(Trials { key: key.to_owned(), lines: made.into_iter().map(line).collect(), waits })
}

/// What became of the test letters, for a page that looks again.
pub(super) async fn tried(visit: Visit, Path(key): Path<String>) -> Response {
    visit.read(move |look| Ok(html(&trials(look, &key)?))).await
}

/// Wishes that a letter goes to somebody as a test; whoever sends does it.
pub(super) async fn try_out(
    visit: Visit,
    Path(key): Path<String>,
    Query(which): Query<Which>,
    sent: Sent,
) -> Response {
    let address = match Address::parse(sent.get("address").unwrap_or_default()) {
        Ok(address) => address,
        Err(error) => return visit.trouble(Trouble::Refused(error.to_string())),
    };
    let step = which.step();
    let place = format!("/preview/{}?step={step}", in_path(&key));
    visit
        .change(place, "tried", move |desk| {
            let settings = &desk.settings;
            let letter = (settings.proofs.sheet)(&key, step).map_err(Trouble::Refused)?;
            if letter.is_none_or(|letter| letter.html.is_none()) {
                return Err(Trouble::Nobody);
            }
            let now = settings.clock.now();
            Ok(Ledger::wish_trial(&settings.ledger, &settings.campaign, (&key, step), &address, now)?)
        })
        .await
}

/// A file that goes along, to look at.
pub(super) async fn file(
    visit: Visit,
    Path((key, nth)): Path<(String, usize)>,
    Query(which): Query<Which>,
) -> Response {
    visit
        .read(move |look| {
            let found =
                (look.desk.settings.proofs.file)(&key, which.step(), nth).map_err(Trouble::Refused)?;
            let file = found.ok_or(Trouble::NotFound)?;
            // A browser shows a PDF in a place of its own; everything else is saved, so that nothing runs here.
            let shown = file.media_type == "application/pdf" && file.bytes.starts_with(b"%PDF-");
            let (kind, how) = if shown {
                ("application/pdf", "inline")
            } else {
                ("application/octet-stream", "attachment")
            };
            let disposition = disposition(how, &file.name);
            let head = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition.as_str())];
            Ok((head, file.bytes).into_response())
        })
        .await
}

pub(super) async fn sheet(visit: Visit, Path(key): Path<String>, Query(which): Query<Which>) -> Response {
    visit.read(move |look| Ok(html(&one(look, &key, which.step(), which.marks())?))).await
}

fn one(look: &Look, key: &str, step: u32, marks: bool) -> Result<One, Trouble> {
    let p = look.page(Room::Preview);
    let proof = look.proof()?;
    let found = (look.desk.settings.proofs.sheet)(key, step).map_err(Trouble::Refused)?;
    let sheet = found.ok_or(Trouble::Nobody)?;
    let rows = in_order(&proof, &[], &shapes(&proof.rows));
    let at = rows.iter().position(|row| row.key == key);
    let beside = |at: Option<usize>| at.and_then(|at| rows.get(at)).map(|row| row.key.clone());
    let length = sheet.text.chars().count() as u64;
    let address = in_path(key);
    let files = sheet.attachments.iter().enumerate().map(|(nth, (name, kind, octets))| {
        let size = octets.map(|octets| format!(", {} kB", p.lang.number(octets.div_ceil(1000))));
        let whence = format!("/preview/{address}/file/{nth}?step={step}");
        (name.clone(), kind.clone(), size.unwrap_or_default(), whence)
    });
    Ok(One {
        key: key.to_owned(),
        step,
        steps: (1..=proof.steps).collect(),
        files: files.collect(),
        marks,
        tries: look.desk.settings.sends && !p.read_only && sheet.html.is_some(),
        trials: trials(look, key)?,
        before: beside(at.and_then(|at| at.checked_sub(1))),
        after: beside(at.map(|at| at + 1)),
        length: p.lang.number(length),
        due: sheet.due.map(|day| p.lang.day(day)),
        limit: sheet.limit.map(|limit| p.lang.number(limit)),
        too_long: sheet.limit.is_some_and(|limit| length > limit),
        sheet,
        p,
    })
}

/// The letter's own page, for a frame in which nothing runs and nothing is loaded.
pub(super) async fn framed(visit: Visit, Path(key): Path<String>, Query(which): Query<Which>) -> Response {
    visit
        .read(move |look| {
            let found = (look.desk.settings.proofs.sheet)(&key, which.step()).map_err(Trouble::Refused)?;
            let page = found.and_then(|sheet| if which.marks() { sheet.marked.or(sheet.html) } else { sheet.html });
            let page = page.ok_or(Trouble::NotFound)?;
            let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox";
            let head = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, policy)];
            Ok((head, page).into_response())
        })
        .await
}
