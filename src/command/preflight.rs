//! Goes through the roster with everything that is caught before a letter leaves; the looking itself is in `campaign/preflight`.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use jiff::civil::Date;

use super::reading::Reading;
use super::spam::{self, Answer};
use super::{preview, tasks, trial_pages};
use crate::campaign::definition::LetterSource;
use crate::campaign::enclosure::{Enclosure, Fingerprint};
use crate::campaign::headings::normalised;
use crate::campaign::letter::{Input, Letter};
use crate::campaign::preflight;
use crate::campaign::preflight::acceptance::Acceptance;
use crate::campaign::preflight::catalogue::{EXAMPLE_ADDRESS, FREEMAIL_SENDER, OTHER_CONVERSATION};
use crate::campaign::preflight::people::{Acquaintance, Census};
use crate::campaign::preflight::row::Rows;
use crate::campaign::preflight::whole::{self, Wholes};
use crate::campaign::preflight::{Found, names, sizes, values};
use crate::campaign::problem::{Place, Problem, Problems, RowPlace};
use crate::campaign::recipient::Recipient;
use crate::campaign::sequence::Continuation;
use crate::campaign::task::TaskColumns;
use crate::campaign::words::Tongue;
use crate::engine::press::Press;
use crate::mail::{address, domain, headers};
use crate::typesetting::About;

/// So many letters from a free mail host look like spam to everybody.
const MANY: u64 = 20;
/// What header fields and the two boundaries take of a message, in octets, about.
const FRAME: u64 = 1500;

/// What was seen of one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Names the shape of its letter.
    shape: u64,
    /// Names what its letter says, names aside.
    sense: u64,
    /// Names the shapes of the letters that follow.
    later: u64,
    /// How large its message gets, about.
    octets: u64,
}

/// Looks at rows one by one; asked by several threads.
pub(super) struct Look<'a> {
    rows: Rows<'a>,
    /// For the letters that follow the first.
    later: Rows<'a>,
    press: &'a Press,
    now: Timestamp,
    /// The fields that every recipient has for itself.
    own: Vec<String>,
    /// The columns of what a person has to know.
    tasks: &'a TaskColumns,
    /// What the typesetter can do, where the letter is one for it.
    typesetter: Option<About>,
}

impl<'a> Look<'a> {
    /// Makes one for the first letter; nothing where there is none.
    pub(super) fn new(reading: &'a Reading, now: Timestamp) -> Option<Self> {
        let press = reading.press.as_ref()?;
        let odd_subject = subject(press)?;
        let settings = &reading.config.recipients;
        let own = [Some(&settings.address), settings.name.as_ref(), settings.key.as_ref()];
        let rows = |first, odd_subject| Rows {
            file: &settings.file,
            tongue: Tongue::of(&press.definition().language),
            today: now.to_zoned_datetime(reading.config.zone.clone()).date(),
            real: reading.is_real(),
            first,
            odd_subject,
        };
        Some(Self {
            rows: rows(true, odd_subject),
            later: rows(false, Vec::new()),
            press,
            now,
            tasks: &reading.config.tasks,
            typesetter: press.letter(1)?.pdf_template().and_then(|_| trial_pages::about(press)),
            own: own.into_iter().flatten().map(|heading| normalised(heading)).collect(),
        })
    }

    /// Looks at a row: whether its letter can be merged, and what is odd about it.
    pub(super) fn row(&self, at: RowPlace, recipient: &Recipient, found: &mut Vec<Problem>) -> Option<Seen> {
        let place = || at.in_file(self.rows.file);
        let mailboxes =
            recipient.addressees().into_iter().flat_map(|all| [&all.to].into_iter().chain(all.others()));
        for address in mailboxes
            .map(|mailbox| &mailbox.address)
            .filter(|address| self.rows.real && address::reserved_domain(address))
        {
            let example = Found::new(&EXAMPLE_ADDRESS, format!("{address} is only an example"))
                .hint("nobody can have an address of this domain; it is not sent to a real relay");
            found.push(example.at(place(), true).about(&recipient.key));
        }
        if recipient.errand().is_some() {
            tasks::look_at(self.tasks, self.press, recipient, &place(), self.now, found);
        }
        if let Some(about) = &self.typesetter {
            trial_pages::unprintable(about, self.press.letter(1)?, recipient, &place(), found);
        }
        match self.press.letter(1)?.draft(&self.press.input(recipient, self.now)) {
            Ok(draft) => {
                self.rows.look(at, recipient, &draft, found);
                let later = self.further(at, recipient, found);
                let is_own =
                    |field: &str| values::holds_names(field) || self.own.iter().any(|own| own == field);
                // Quoted-printable adds a little to both parts.
                let bodies = (draft.text.len() + draft.html_size) as u64;
                let octets = FRAME + bodies + bodies / 12;
                Some(Seen { shape: draft.shape, sense: draft.sense(is_own), later, octets })
            }
            Err(problems) => {
                found.extend(problems.into_iter().map(|problem| of_row(problem, &recipient.key, place())));
                None
            }
        }
    }
}

impl Look<'_> {
    /// Looks at the letters that follow the first, as they read when nobody answers, and when a machine does. What the first letter
    /// has as well, which they quote, was told with it. Returns what names their shapes.
    fn further(&self, at: RowPlace, recipient: &Recipient, found: &mut Vec<Problem>) -> u64 {
        let mut shapes = DefaultHasher::new();
        if recipient.errand().is_some() {
            return shapes.finish();
        }
        for (step, letter, source) in later_letters(self.press) {
            let mut problems = Vec::new();
            for continues in came_back(letter, self.now, self.rows.today) {
                let row = self.press.row(recipient, step, self.now, Some(&continues));
                match letter.draft(&row.input()) {
                    Ok(draft) => {
                        draft.shape.hash(&mut shapes);
                        self.later.look(at, recipient, &draft, &mut problems);
                    }
                    Err(wrong) => {
                        problems.extend(wrong.into_iter().map(|problem| self.of_row(problem, at, recipient)));
                    }
                }
            }
            if let Some(about) = &self.typesetter {
                let place = at.in_file(self.rows.file);
                trial_pages::unprintable(about, letter, recipient, &place, &mut problems);
            }
            let file = source.file();
            for mut problem in problems {
                let told =
                    |known: &Problem| known.name == problem.name && known.said.starts_with(&problem.said);
                if found.iter().any(told) {
                    continue;
                }
                // What is wrong with the letter itself has its place already.
                if !problem.said.contains("(templates/") {
                    problem.said = format!("{} ({file})", problem.said);
                }
                found.push(problem);
            }
        }
        shapes.finish()
    }

    fn of_row(&self, problem: Problem, at: RowPlace, recipient: &Recipient) -> Problem {
        of_row(problem, &recipient.key, at.in_file(self.rows.file))
    }
}

/// The letters that follow the first, with their steps.
pub(super) fn later_letters(press: &Press) -> impl Iterator<Item = (u32, &Letter, &LetterSource)> {
    let later = (2..).zip(press.definition().steps.iter().skip(1));
    later.filter_map(|(step, source)| Some((step, press.letter(step)?, source)))
}

/// What may have come back before a letter goes, as far as the letter tells it: nothing, a machine's answer, and one with a day.
fn came_back(letter: &Letter, now: Timestamp, today: Date) -> Vec<Continuation> {
    let expected = Continuation::expected(now);
    let tells = |field: &str| letter.columns_used().iter().any(|used| used == field);
    let mut all = vec![expected.clone()];
    if tells("standing") {
        all.push(Continuation { auto_replied: true, ..expected.clone() });
    }
    if tells("away_until") {
        all.push(Continuation { auto_replied: true, away_until: Some(today), ..expected });
    }
    all
}

/// Finds letters that begin another conversation.
fn other_conversations(press: &Press) -> Vec<(String, Found)> {
    later_letters(press)
        .filter(|(_, letter, _)| letter.has_own_subject())
        .map(|(.., source)| {
            let said = "the letter follows another and has a subject of its own";
            (source.file(), Found::new(&OTHER_CONVERSATION, said).hint(OTHER_CONVERSATION.remedy))
        })
        .collect()
}

/// Tells what is wrong with a row with the row's line; the letter's own place goes along.
pub(super) fn of_row(problem: Problem, key: &str, place: Place) -> Problem {
    let said = match &problem.place {
        Some(at) => format!("{key}: {} ({at})", problem.said),
        None => format!("{key}: {}", problem.said),
    };
    Problem { said, place: Some(place), ..problem }.about(key)
}

/// Looks at one row and its letter, for who looks at that letter alone.
pub(super) fn of_one(reading: &Reading, now: Timestamp, at: RowPlace, recipient: &Recipient) -> Problems {
    let mut problems = Problems::default();
    problems.accept(reading.acceptances());
    let Some(look) = Look::new(reading, now) else { return problems };
    let mut found = Vec::new();
    let file = reading.press.as_ref().and_then(letter_file).unwrap_or_default();
    found.extend(look.rows.odd_subject.iter().map(|odd| odd.clone().at(Place::file(&file), look.rows.real)));
    if look.row(at, recipient, &mut found).is_some() {
        let mut wholes = Wholes::default();
        found.extend(whole(&mut wholes, reading, now, recipient));
        found.extend(later_wholes(&mut wholes, reading, now, recipient));
    }
    found.into_iter().for_each(|problem| problems.push(problem));
    problems
}

/// Looks at the first letter's subject as its author wrote it; nothing where there is no such letter.
fn subject(press: &Press) -> Option<Vec<Found>> {
    let bare = press.letter(1)?.bare_subject();
    let mut found = Vec::new();
    names::look_at_subject(&headers::clean(&bare), &bare, true, &mut found);
    Some(found)
}

/// What the first pass over the roster gathers.
pub(super) fn census(reading: &Reading) -> Census {
    Census::new(reading.config.preflight.per_organisation)
}

/// What the second pass gathers.
pub(super) struct Log {
    acquaintance: Acquaintance,
    wholes: Wholes,
    letters: u64,
    octets: u64,
    /// The large files that were told.
    large: BTreeSet<Fingerprint>,
    /// Some of those whose letters would go, of different shapes, for SpamAssassin.
    samples: Vec<Recipient>,
}

/// So many letters are shown to SpamAssassin.
const SAMPLES: usize = 3;

/// What the whole run comes to.
pub(super) struct Tally {
    /// How much goes out: `27 × 25 kB = 675 kB`.
    pub(super) volume: Option<String>,
    /// What SpamAssassin says: `0.0 of 5 points`.
    pub(super) spam: Option<String>,
}

impl Log {
    /// Begins one, with what the letter alone shows.
    pub(super) fn new(census: Census, reading: &mut Reading) -> Self {
        let real = reading.is_real();
        let found = reading.press.as_ref().and_then(|press| {
            let file = letter_file(press)?;
            let first = subject(press)?.into_iter().map(move |found| (file.clone(), found));
            let all = first.chain(other_conversations(press));
            Some(all.map(move |(file, found)| found.at(Place::file(&file), real)))
        });
        let found: Vec<Problem> = found.into_iter().flatten().collect();
        found.into_iter().for_each(|problem| reading.problems.push(problem));
        Self {
            acquaintance: census.suspects(),
            wholes: Wholes::default(),
            letters: 0,
            octets: 0,
            large: BTreeSet::new(),
            samples: Vec::new(),
        }
    }

    /// Takes in a row in its order; `goes` has the files that go along, where a letter would go.
    pub(super) fn row(
        &mut self,
        reading: &mut Reading,
        now: Timestamp,
        at: RowPlace,
        recipient: &Recipient,
        seen: Option<Seen>,
        goes: Option<&Vec<Enclosure>>,
    ) {
        let file = reading.config.recipients.file.clone();
        if let Some(problem) = self.acquaintance.meet(&file, at, recipient) {
            reading.problems.push(problem);
        }
        for enclosure in goes.into_iter().flatten() {
            self.attachment(reading, at, &recipient.key, enclosure);
        }
        let Some(seen) = seen else { return };
        self.acquaintance.reads(at, recipient, seen.sense);
        if let Some(enclosures) = goes {
            self.letters += 1;
            self.octets += seen.octets + enclosures.iter().map(Enclosure::size_in_message).sum::<u64>();
        }
        // What a person does by hand is no message.
        if recipient.errand().is_some() {
            return;
        }
        if self.wholes.wants(seen.shape) {
            if goes.is_some() && self.samples.len() < SAMPLES {
                self.samples.push(recipient.clone());
            }
            for problem in whole(&mut self.wholes, reading, now, recipient) {
                reading.problems.push(problem);
            }
        }
        if reading.config.steps.len() > 1 && self.wholes.wants_later(seen.later) {
            for problem in later_wholes(&mut self.wholes, reading, now, recipient) {
                reading.problems.push(problem);
            }
        }
    }

    /// Looks at a file that goes along. One that goes to several is told once, at the first of them.
    fn attachment(&mut self, reading: &mut Reading, at: RowPlace, key: &str, enclosure: &Enclosure) {
        let mut found = Vec::new();
        sizes::look_at_attachment(&enclosure.name, enclosure.file.size, &mut found);
        if found.is_empty() || !self.large.insert(enclosure.file.digest) {
            return;
        }
        let (file, real) = (reading.config.recipients.file.clone(), reading.is_real());
        for found in found {
            reading.problems.push(of_row(
                Problem { place: None, ..found.at(Place::file(&file), real) },
                key,
                at.in_file(&file),
            ));
        }
    }

    /// Says what only all rows together show, and what SpamAssassin says of some letters.
    pub(super) fn finish(mut self, reading: &mut Reading, now: Timestamp) -> Tally {
        let file = reading.config.recipients.file.clone();
        for problem in self.acquaintance.crowds(&file) {
            reading.problems.push(problem);
        }
        let mut found = Vec::new();
        if let Some((name, octets)) = self.samples.first().and_then(|sample| pdf(reading, now, sample)) {
            sizes::look_at_attachment(&name, octets, &mut found);
            self.octets += self.letters * (octets.div_ceil(57) * 78);
        }
        sizes::look_at_volume(self.letters, self.octets, &mut found);
        let sender = &reading.config.sender.from.address;
        if self.letters > MANY && domain::gives_mailboxes(sender.domain()) {
            let said = format!("{} letters would come from {sender}", self.letters);
            found.push(Found::new(&FREEMAIL_SENDER, said).hint("use an address of your own domain"));
        }
        let real = reading.is_real();
        for found in found {
            reading.problems.push(found.at(Place::file("config.toml"), real));
        }
        let spam = ask_spamassassin(reading, now, &self.samples);
        // With errors among them, much was not looked at.
        if reading.press.is_some() && reading.problems.errors() == 0 {
            let vain: Vec<_> = reading.problems.acceptances_in_vain().map(Acceptance::in_vain).collect();
            vain.into_iter().for_each(|problem| reading.problems.push(problem));
        }
        let volume = (self.letters > 0).then(|| sizes::volume(self.letters, self.octets));
        Tally { volume, spam }
    }
}

/// Returns what the PDF of a letter is called and how large it is; nothing where there is none, or no typesetter.
fn pdf(reading: &Reading, now: Timestamp, sample: &Recipient) -> Option<(String, u64)> {
    let press = reading.press.as_ref().filter(|press| press.wants_pdf())?;
    let name = press.letter(1)?.manuscript(&press.input(sample, now)).ok()??.file_name;
    let size =
        |makes_pdf| Some(preview::print(press, sample, 1, &[], now, makes_pdf).ok()?.bytes.len() as u64);
    // Base64 makes 78 octets of 57 (RFC 2045 §6.8).
    Some((name, size(true)?.saturating_sub(size(false)?) * 57 / 78))
}

/// Shows some letters to SpamAssassin, unless there are errors to mend first; returns what it says in words.
fn ask_spamassassin(reading: &mut Reading, now: Timestamp, samples: &[Recipient]) -> Option<String> {
    let press = reading.press.as_ref().filter(|_| reading.config.preflight.spamassassin)?;
    let file = letter_file(press)?;
    let printed: Vec<_> = samples
        .iter()
        .filter_map(|sample| Some((sample, preview::print(press, sample, 1, &[], now, false).ok()?)))
        .collect();
    if printed.is_empty() || reading.problems.errors() > 0 {
        return None;
    }
    let messages: Vec<_> = printed.iter().map(|(_, printed)| printed.bytes.clone()).collect();
    let scores = match spam::ask(&messages) {
        Answer::Absent => return None,
        Answer::Silent => return Some("SpamAssassin is installed and gave no answer".to_owned()),
        Answer::Scored(scores) => scores,
    };
    let real = reading.is_real();
    for score in &scores {
        let named = score.message_id.as_bytes();
        let whose = printed.iter().find(|(_, printed)| memchr::memmem::find(&printed.bytes, named).is_some());
        let mut found = Vec::new();
        preflight::spam::look(score, &mut found);
        for found in found {
            let problem = found.at(Place::file(&file), real);
            reading.problems.push(match whose {
                Some((recipient, _)) => {
                    let said = format!("{}: {}", recipient.key, problem.said);
                    Problem { said, ..problem }.about(&recipient.key)
                }
                None => problem,
            });
        }
    }
    let worst = scores.iter().map(|score| score.points).fold(f64::MIN, f64::max);
    // Nothing is taken away below zero, and "-0.0" is no number for people.
    let worst = if worst > 0.0 { worst } else { 0.0 };
    Some(format!("{worst:.1} of 5 points by SpamAssassin, without the network"))
}

/// Looks at a letter of a new shape as a whole.
fn whole(wholes: &mut Wholes, reading: &Reading, now: Timestamp, recipient: &Recipient) -> Vec<Problem> {
    let Some(press) = &reading.press else { return Vec::new() };
    let Some((letter, source)) = press.letter(1).zip(press.definition().steps.first()) else {
        return Vec::new();
    };
    look_at_whole(wholes, reading, (press, letter, source), &recipient.key, &press.input(recipient, now))
}

/// Looks at the letters that follow the first, likewise. What they quote of it was told with it.
fn later_wholes(
    wholes: &mut Wholes,
    reading: &Reading,
    now: Timestamp,
    recipient: &Recipient,
) -> Vec<Problem> {
    let Some(press) = &reading.press else { return Vec::new() };
    let today = reading.config.deadlines.today(now);
    let mut found = Vec::new();
    for (step, letter, source) in later_letters(press) {
        for continues in came_back(letter, now, today) {
            let row = press.row(recipient, step, now, Some(&continues));
            let which = (press, letter, source);
            found.extend(look_at_whole(wholes, reading, which, &recipient.key, &row.input()));
        }
    }
    found
}

fn look_at_whole(
    wholes: &mut Wholes,
    reading: &Reading,
    (press, letter, source): (&Press, &Letter, &LetterSource),
    key: &str,
    input: &Input<'_>,
) -> Vec<Problem> {
    let (Ok(draft), Ok(merged)) = (letter.draft(input), letter.merge(input)) else { return Vec::new() };
    let about = whole::About {
        file: &source.file(),
        key,
        source: &source.text,
        language: &press.definition().language,
        real: reading.is_real(),
    };
    wholes.look(&about, &draft, &merged)
}

fn letter_file(press: &Press) -> Option<String> {
    press.definition().steps.first().map(LetterSource::file)
}
