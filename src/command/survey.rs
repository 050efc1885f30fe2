//! The survey of the roster: every row looked at once, with flat memory, and the plan that follows.

use std::collections::HashMap;
use std::thread;

use jiff::Timestamp;
use jiff::civil::Date;

use super::preflight::{Log, Look, Seen, Tally, census, of_row};
use super::reading::Reading;
use super::{Context, bar, ledger_failed, tasks, trial_pages};
use crate::campaign::enclosure::Enclosure;
use crate::campaign::headings::nearest;
use crate::campaign::late::Late;
use crate::campaign::plan::{LeftOut, Plan, PlanDigest, fit_before, forecast};
use crate::campaign::preflight::catalogue::ODD_DOMAIN;
use crate::campaign::problem::{Place, Problem, RowPlace};
use crate::campaign::recipient::Recipient;
use crate::campaign::roster::Row;
use crate::campaign::task::{Task, told};
use crate::campaign::twice::{Duplicates, Suspects};
use crate::delivery::inbound::Stop;
use crate::delivery::state::State;
use crate::ledger::record::EnrolledRecord;
use crate::mail::address::{self, Address};
use crate::report::{self, Failure};

/// Rows looked at together.
const CHUNK: usize = 2048;
/// A run that would take longer than this is worth a warning.
const ABSURD: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// Domains that were looked at, since comparing one with all known mailbox hosts takes longer than merging a letter.
#[derive(Default)]
struct Domains(HashMap<String, Option<&'static str>>);

impl Domains {
    /// So many are remembered; a roster with more different domains is looked at anew for the rest.
    const KEPT: usize = 10_000;

    fn better(&mut self, domain: &str) -> Option<&'static str> {
        if let Some(known) = self.0.get(domain) {
            return *known;
        }
        let better = address::suggest_domain(domain);
        if self.0.len() < Self::KEPT {
            self.0.insert(domain.to_owned(), better);
        }
        better
    }
}

/// The keys that a person typed after `--only`: each means itself, or the only key that differs from it in case alone.
struct Asked<'a> {
    wishes: Vec<Wish<'a>>,
}

struct Wish<'a> {
    typed: &'a str,
    folded: String,
    found: bool,
    alike: Vec<String>,
    near: Option<String>,
}

impl<'a> Asked<'a> {
    fn new(typed: &'a [String]) -> Self {
        let wish = |typed: &'a String| Wish {
            typed,
            folded: typed.to_lowercase(),
            found: false,
            alike: Vec::new(),
            near: None,
        };
        Self { wishes: typed.iter().map(wish).collect() }
    }

    /// Compares a row's key with what was asked for.
    fn meet(&mut self, key: &str) {
        for wish in &mut self.wishes {
            if wish.typed == key {
                wish.found = true;
            } else if key.to_lowercase() == wish.folded {
                if !wish.alike.iter().any(|known| known == key) {
                    wish.alike.push(key.to_owned());
                }
            } else if wish.near.is_none() && nearest(wish.typed, [key]).is_some() {
                wish.near = Some(key.to_owned());
            }
        }
    }

    /// Returns the keys that were meant; what means none or several is a problem.
    fn answer(self, reading: &mut Reading) -> Vec<String> {
        let place = Place::file(reading.config.recipients.file.clone());
        let mut keys = Vec::new();
        for wish in self.wishes {
            match wish.alike.as_slice() {
                _ if wish.found => keys.push(wish.typed.to_owned()),
                [one] => keys.push(one.clone()),
                [] => {
                    let hint = wish.near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                    let said = format!("no row has the key `{}`", wish.typed);
                    reading.problems.push(Problem::error("no-such-key", place.clone(), said).hint(hint));
                }
                several => {
                    let said = format!("`{}` may be any of {}", wish.typed, several.join(", "));
                    reading.problems.push(Problem::error("no-such-key", place.clone(), said));
                }
            }
        }
        keys
    }
}

/// Returns the keys of the roster that a person means; what means none or several is added to the problems.
///
/// # Errors
/// When the roster cannot be read any more.
pub fn meant(reading: &mut Reading, typed: &[String]) -> Result<Vec<String>, Failure> {
    let mut asked = Asked::new(typed);
    for row in reading.rows()?.whom_alone() {
        if let Row::Recipient { recipient, .. } | Row::LeftOut { recipient, .. } = row {
            asked.meet(&recipient.key);
        }
    }
    Ok(asked.answer(reading))
}

/// What the survey found.
pub struct Survey {
    /// What would be sent.
    pub plan: Plan,
    /// Who may stand in the roster twice; for the next pass over it.
    pub suspects: Suspects,
    /// People already written to whose row has changed since: told, and not sent again.
    pub changed: Vec<String>,
    /// The keys that `only` meant, as the roster writes them.
    pub only: Vec<String>,
    /// How much would go out: `27 × 25 kB = 675 kB`.
    pub volume: Option<String>,
    /// What SpamAssassin says of some of the letters, where it was asked.
    pub spam: Option<String>,
    /// What goes along with the letters of this plan.
    pub enclosed: Enclosed,
    /// Tasks that are not done because of the suppression list, each with its reason.
    pub suppressed_tasks: Vec<(String, String)>,
}

/// The files that go along with the letters of a plan, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enclosed {
    /// How many letters have any.
    pub letters: u64,
    /// How many octets they take in all messages together.
    pub octets: u64,
    /// How many octets they take in the message that has most of them.
    pub most: u64,
}

impl Enclosed {
    fn note(&mut self, enclosures: &[Enclosure]) {
        let octets = enclosures.iter().map(Enclosure::size_in_message).sum();
        self.letters += u64::from(!enclosures.is_empty());
        self.octets += octets;
        self.most = self.most.max(octets);
    }
}

/// Looks at every row.
///
/// Problems go to `reading.problems`; the plan means nothing while there are errors among them.
///
/// # Errors
/// When the roster or the ledger cannot be read any more.
pub fn survey(context: &Context, reading: &mut Reading, only: &[String]) -> Result<Survey, Failure> {
    let now = context.clock.now();
    let definition = reading.press.as_ref().map_or(&reading.definition, |press| press.definition());
    let mut digest = PlanDigest::new(&definition.digest(), &reading.config.way());
    let mut plan = Plan { campaign: reading.config.name.clone(), ..Plan::default() };
    let mut changed = Vec::new();
    let (mut late, mut suppressed_tasks) = (Late::default(), Vec::new());
    let first_room = first_room(reading, now)?;
    let mut asked = Asked::new(only);
    let mut longest: Option<(usize, RowPlace, Recipient)> = None;
    let mut first: Vec<(RowPlace, Recipient)> = Vec::new();
    let mut domains = Domains::default();
    let mut enclosed = Enclosed::default();
    let suppressing = match &reading.reader {
        Some(reader) => !reader.suppressions().map_err(ledger_failed)?.is_empty(),
        None => false,
    };
    let mut suspects = Suspects::default();
    let mut wanted = Vec::new();
    let mut census = census(reading);
    let mut tally = None;
    if reading.roster.is_some() {
        suspects = {
            let mut duplicates = Duplicates::default();
            for row in reading.rows()?.whom_alone() {
                if let Row::Recipient { recipient, .. } = row {
                    asked.meet(&recipient.key);
                    duplicates.note(&recipient);
                    census.note(&recipient);
                }
            }
            duplicates.suspects()
        };
        wanted = asked.answer(reading);
        let mut log = Log::new(census, reading);
        let mut rows = reading.rows()?.leaving_out(suspects.clone());
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            for row in rows.by_ref().take(CHUNK) {
                match row {
                    Row::Recipient { at, recipient, warnings } => {
                        warnings.into_iter().for_each(|problem| reading.problems.push(problem));
                        chunk.push((at, recipient));
                    }
                    Row::LeftOut { recipient, warning, .. } => {
                        plan.recipients += 1;
                        plan.leave_out(LeftOut::Duplicate, || recipient.key.clone());
                        reading.problems.push(warning);
                    }
                    Row::Wrong { problems, .. } => {
                        problems.into_iter().for_each(|problem| reading.problems.push(problem));
                    }
                }
            }
            if chunk.is_empty() {
                break;
            }
            let (problems, seen) = inspect(reading, &chunk, now);
            problems.into_iter().for_each(|problem| reading.problems.push(problem));
            for ((at, recipient), seen) in chunk.iter().zip(seen) {
                let size = recipient.fields.iter().map(|(_, value)| value.len()).sum();
                if longest.as_ref().is_none_or(|(most, ..)| size > *most) {
                    longest = Some((size, *at, recipient.clone()));
                }
                if first.len() < trial_pages::LETTERS {
                    first.push((*at, recipient.clone()));
                }
                let mailboxes = recipient
                    .addressees()
                    .into_iter()
                    .flat_map(|all| [&all.to].into_iter().chain(all.others()));
                for address in mailboxes.map(|mailbox| &mailbox.address) {
                    let Some(better) = domains.better(address.domain()) else { continue };
                    let place = at.in_file(&reading.config.recipients.file);
                    let said = format!("{address} looks like a typing error");
                    let problem = ODD_DOMAIN.at(place, said).hint(format!("did you mean {better}?"));
                    reading.problems.push(problem.about(&recipient.key));
                }
                digest.recipient(recipient);
                plan.recipients += 1;
                let fate =
                    fate(reading, recipient, only.is_empty(), &wanted, suppressing, now, &mut changed)?;
                let goes = matches!(fate, Fate::Letter(_));
                match fate {
                    Fate::LeftOut(why, example) => {
                        if why == LeftOut::Suppressed && recipient.errand().is_some() {
                            suppressed_tasks.push((recipient.key.clone(), format!("suppressed: {example}")));
                        }
                        let example = match why {
                            LeftOut::Suppressed => format!("{}: {example}", recipient.key),
                            _ => example,
                        };
                        plan.leave_out(why, || example);
                    }
                    Fate::Task(task) => plan.task(*task),
                    Fate::Letter(own) => {
                        plan.letters += 1;
                        let fit = |day| fit_before_end_of(reading, day, first_room);
                        late.next(&recipient.key, reading.config.deadlines.day(own), fit);
                    }
                }
                let (enclosures, missing) = reading.enclosures(recipient, now);
                digest.enclosures(&enclosures);
                log.row(reading, now, *at, recipient, seen, goes.then_some(&enclosures));
                // Whoever gets no letter from this plan needs no file.
                if goes {
                    enclosed.note(&enclosures);
                    for problem in missing.into_iter().chain(reading.missing_later(recipient, now)) {
                        let place = at.in_file(&reading.config.recipients.file);
                        reading.problems.push(of_row(problem, &recipient.key, place));
                    }
                }
            }
        }
        tally = Some(log.finish(reading, now));
    }
    if reading.roster.is_some() && plan.recipients == 0 && reading.problems.errors() == 0 {
        let place = Place::file(reading.config.recipients.file.clone());
        reading.problems.push(
            Problem::warning("no-recipients", place, "there is no row below the headings")
                .hint("add a row for each recipient"),
        );
    }
    if let Some((_, at, recipient)) = longest
        && !first.iter().any(|(known, _)| *known == at)
    {
        first.push((at, recipient));
    }
    trial_pages::typeset_some(reading, &first, now);
    plan.digest = digest.finish();
    let pace = &reading.config.pace.pace;
    plan.forecast =
        forecast(plan.letters, first_room, reading.config.window.as_ref(), |nth| pace.nth_after(nth));
    warn_of_absurd_length(reading, &plan, now);
    let Tally { volume, spam } = tally.unwrap_or(Tally { volume: None, spam: None });
    warn_of_deadlines(reading, &plan, &late, now);
    Ok(Survey { plan, suspects, changed, only: wanted, volume, spam, suppressed_tasks, enclosed })
}

/// Returns how many letters can go before a day is over.
fn fit_before_end_of(reading: &Reading, day: Date, first_room: Timestamp) -> u64 {
    let config = &reading.config;
    let Some(end) = config.deadlines.end(Some(day)) else { return u64::MAX };
    fit_before(end, first_room, config.window.as_ref(), |nth| config.pace.pace.nth_after(nth))
}

fn warn_of_deadlines(reading: &mut Reading, plan: &Plan, late: &Late, now: Timestamp) {
    let deadlines = &reading.config.deadlines;
    if plan.left_out.contains_key(&LeftOut::TooLate)
        && let Some(last) = deadlines.last.filter(|_| deadlines.is_over(None, now))
    {
        let said = format!("the campaign's deadline, {}, has passed", told(last, deadlines.today(now)));
        let place = reading.place_in_config("deadline");
        reading.problems.push(
            Problem::warning("deadline-passed", place, said)
                .hint("nothing more goes out; to go on, move `[campaign] deadline`"),
        );
    }
    if late.letters > 0 {
        let more = if late.letters > late.examples.len() as u64 { ", …" } else { "" };
        let said = format!(
            "at this pace {} would be too late: {}{more}",
            report::count(late.letters, "letter"),
            late.examples.join(", ")
        );
        reading.problems.push(
            Problem::warning("late-letters", Place::file("config.toml"), said)
                .hint("begin earlier, look at `[pace]` and `[window]`, or move the deadline"),
        );
    }
}

/// Returns when the account's limits leave room for the first letter: what went out before counts.
fn first_room(reading: &Reading, now: Timestamp) -> Result<Timestamp, Failure> {
    let Some(reader) = &reading.reader else { return Ok(now) };
    let config = &reading.config;
    let again =
        reader.room_again(&config.transport.account(), &config.pace.pace, now).map_err(ledger_failed)?;
    Ok(again.unwrap_or(now))
}

fn warn_of_absurd_length(reading: &mut Reading, plan: &Plan, now: Timestamp) {
    let place = Place::file("config.toml");
    match plan.forecast {
        Some(told) => {
            let takes = std::time::Duration::try_from(told.last.duration_since(now)).unwrap_or_default();
            if takes > ABSURD {
                let said = format!(
                    "at this pace the {} would take {}, until {}",
                    report::count(plan.letters, "letter"),
                    report::span(takes),
                    bar::when(told.last, now, &reading.config.zone)
                );
                reading.problems.push(Problem::warning("long-run", place, said).hint("look at `[pace]`"));
            }
        }
        None if plan.letters > 0 => {
            let said = "at this pace and with these office hours the run would take more than ten years";
            reading
                .problems
                .push(Problem::warning("long-run", place, said).hint("look at `[pace]` and `[window]`"));
        }
        None => {}
    }
}

/// Looks at each row and its letter, on two threads; returns what is wrong in the order of the rows, and what was seen.
fn inspect(
    reading: &Reading,
    chunk: &[(RowPlace, Recipient)],
    now: Timestamp,
) -> (Vec<Problem>, Vec<Option<Seen>>) {
    let Some(look) = Look::new(reading, now) else { return (Vec::new(), vec![None; chunk.len()]) };
    let all = |rows: &[(RowPlace, Recipient)]| {
        let mut found = Vec::new();
        let seen: Vec<_> = rows.iter().map(|(at, recipient)| look.row(*at, recipient, &mut found)).collect();
        (found, seen)
    };
    if chunk.len() < 64 {
        return all(chunk);
    }
    let (front, back) = chunk.split_at(chunk.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| all(back));
        let (mut found, mut seen) = all(front);
        let (more, rest) = other.join().unwrap_or_else(|_| (Vec::new(), vec![None; back.len()]));
        found.extend(more);
        seen.extend(rest);
        (found, seen)
    })
}

/// Whether a row leads to another address, or another way, than the frozen one.
fn goes_elsewhere(frozen: &Recipient, recipient: &Recipient) -> bool {
    let whereto = |row: &Recipient| row.address().map(Address::canonical);
    whereto(frozen) != whereto(recipient) || frozen.errand().is_some() != recipient.errand().is_some()
}

/// What becomes of a row.
enum Fate {
    /// A letter goes; the recipient's own deadline.
    Letter(Option<Date>),
    /// A person has something to do.
    Task(Box<Task>),
    /// Nothing: why, and what people should read beside it.
    LeftOut(LeftOut, String),
}

/// Says what becomes of a row.
fn fate(
    reading: &Reading,
    recipient: &Recipient,
    all: bool,
    only: &[String],
    suppressing: bool,
    now: Timestamp,
    changed: &mut Vec<String>,
) -> Result<Fate, Failure> {
    let key = || recipient.key.clone();
    if !all && !only.contains(&recipient.key) {
        return Ok(Fate::LeftOut(LeftOut::NotAsked, key()));
    }
    // What is done for somebody to whom nothing happened yet.
    let fresh = |recipient: &Recipient| match tasks::task(&reading.config, recipient) {
        Some(task) => Fate::Task(Box::new(task)),
        None if reading.config.deadlines.is_over(recipient.deadline, now) => {
            Fate::LeftOut(LeftOut::TooLate, key())
        }
        None => Fate::Letter(recipient.deadline),
    };
    let Some(reader) = &reading.reader else { return Ok(fresh(recipient)) };
    if suppressing
        && let Some(reason) =
            tasks::suppression(reader, recipient, &reading.config.tasks).map_err(ledger_failed)?
    {
        return Ok(Fate::LeftOut(LeftOut::Suppressed, reason));
    }
    let Some(launched) = &reading.launched else { return Ok(fresh(recipient)) };
    let known = reader.enrolled(launched.campaign.id, &recipient.key).map_err(ledger_failed)?;
    let answered = || {
        let came = launched.returns.of(&recipient.key, recipient.organisation.as_deref());
        came.stop == Some(Stop::Replied)
    };
    let Some(EnrolledRecord { recipient: frozen, state, handed_over }) = known else {
        // Newly on the roster, and a colleague has answered already.
        return Ok(if answered() { Fate::LeftOut(LeftOut::Answered, key()) } else { fresh(recipient) });
    };
    // A letter that did not arrive goes again, to the address that was put right.
    if state.did_not_arrive() && goes_elsewhere(&frozen, recipient) {
        return Ok(fresh(recipient));
    }
    // Once anything was handed over, what is frozen stays.
    if frozen != *recipient && handed_over && changed.len() < Plan::EXAMPLES {
        changed.push(recipient.key.clone());
    }
    let why = match state {
        State::InFlight => return Ok(Fate::Letter(frozen.deadline)),
        State::Queued | State::Task | State::Lapsed if handed_over => return Ok(fresh(&frozen)),
        State::Queued | State::Task | State::Lapsed => return Ok(fresh(recipient)),
        State::Done => LeftOut::Done,
        State::Accepted => LeftOut::AlreadyAccepted,
        State::InDoubt => LeftOut::InDoubt,
        State::Refused | State::Bounced | State::Expired => LeftOut::AlreadyEnded,
        State::Cancelled if answered() => LeftOut::Answered,
        State::Cancelled => LeftOut::Cancelled,
    };
    Ok(Fate::LeftOut(why, key()))
}
