//! All recipients in memory, some two hundred octets each, kept in step with the ledger by its history: so that a table of a
//! hundred thousand is searched, filtered and sorted while one types, without a query that looks at all of them.

use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::delivery::standing::Standing;
use crate::delivery::state::State;
use crate::ledger::record::Campaign;
use crate::ledger::{Follow, LedgerError, Line, News, Reader, Returns, Sums, Touched, suppressing_entries};

/// One recipient.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What the ledger has.
    pub(super) line: Line,
    /// How it stands, by what came back and by the suppression list.
    pub(super) standing: Standing,
    /// When something came back last.
    pub(super) came_at: Option<Timestamp>,
    /// Everything that is searched, in small letters.
    text: String,
}

/// By what a table is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// The order of the roster.
    #[default]
    Roster,
    /// By key.
    Key,
    /// By organisation.
    Organisation,
    /// By standing.
    Standing,
    /// By what happened last, the newest first.
    Latest,
}

impl Order {
    pub(super) const ALL: [(Order, &str); 5] = [
        (Order::Roster, "roster"),
        (Order::Key, "key"),
        (Order::Organisation, "organisation"),
        (Order::Standing, "standing"),
        (Order::Latest, "latest"),
    ];

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == name).map_or(Order::Roster, |(order, _)| *order)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(order, _)| *order == self).map_or("roster", |(_, name)| name)
    }

    fn compare(self, one: &Entry, other: &Entry) -> Ordering {
        let by = |of: fn(&Entry) -> &str| {
            let folded = |entry| of(entry).chars().flat_map(char::to_lowercase);
            folded(one).cmp(folded(other))
        };
        let place =
            || (!one.line.on_roster, one.line.position).cmp(&(!other.line.on_roster, other.line.position));
        let ordered = match self {
            Order::Roster => Ordering::Equal,
            Order::Key => by(|entry| &entry.line.key),
            Order::Organisation => by(|entry| entry.line.organisation.as_deref().unwrap_or_default()),
            Order::Standing => one.standing.cmp(&other.standing),
            Order::Latest => other.latest().cmp(&one.latest()),
        };
        ordered.then_with(place)
    }
}

impl Entry {
    /// The body that it answers for: its organisation, or itself.
    pub(super) fn party(&self) -> &String {
        self.line.organisation.as_ref().unwrap_or(&self.line.key)
    }

    /// Whether the relay took a letter for it.
    fn was_written_to(&self) -> bool {
        self.line.step > 1 || matches!(self.line.state, State::Accepted | State::Bounced)
    }

    /// When anything happened last.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.line.last_at.max(self.came_at)
    }
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'a> {
    /// Words that must all stand somewhere in the row, in small letters.
    pub(super) words: Vec<String>,
    /// Only these standings; none: all.
    pub(super) standings: &'a [Standing],
    /// How it is sorted.
    pub(super) order: Order,
}

/// How many there are, of how many the relay took a letter, and how they stand: the most first.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) all: u64,
    pub(super) accepted: u64,
    pub(super) standings: Vec<(Standing, u64)>,
}

impl Numbers {
    /// How many stand so.
    pub(super) fn of(&self, standing: Standing) -> u64 {
        self.standings.iter().find(|(of, _)| *of == standing).map_or(0, |(_, count)| *count)
    }
}

/// All recipients of the campaign.
#[derive(Debug, Default)]
pub(super) struct Register {
    entries: Vec<Entry>,
    /// Where each stands in `entries`, by its number in the ledger.
    place: HashMap<i64, usize>,
    sums: Sums,
    returns: Returns,
    suppressed: HashSet<String>,
    follow: Follow,
}

impl Register {
    /// Brings it up to date: reads those again to whom something happened since.
    pub(super) fn refresh(&mut self, reader: &Reader, campaign: &Campaign) -> Result<(), LedgerError> {
        let mut follow = self.follow;
        let mut anew = false;
        let touched = reader.follow(campaign, &mut follow, |news| match news {
            News::Anew => {
                anew = true;
                *self = Self::default();
            }
            News::Lines(lines) => lines.into_iter().for_each(|line| self.put(line)),
        })?;
        // What only the relay said changes nothing about what came back.
        const ATTEMPTS: [&str; 6] = ["accepted", "deferred", "refused", "expired", "in-doubt", "requeued"];
        let more = |touched: &Touched| !touched.events.iter().all(|event| ATTEMPTS.contains(&event.as_str()));
        if anew || touched.as_ref().is_some_and(more) {
            self.returns = reader.returns(campaign.id)?;
            self.suppressed = reader.suppressions()?.into_iter().map(|entry| entry.what).collect();
            for at in 0..self.entries.len() {
                self.stand(at);
            }
        }
        self.follow = follow;
        Ok(())
    }

    /// Returns what all letters add up to.
    pub(super) fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Returns how a recipient stands.
    pub(super) fn standing(&self, key: &str) -> Option<Standing> {
        let entry = self.entries.iter().find(|entry| entry.line.key == key);
        entry.map(|entry| entry.standing)
    }

    fn put(&mut self, line: Line) {
        let text = [Some(&line.key), line.name.as_ref(), line.organisation.as_ref(), line.address.as_ref()];
        let text = text.into_iter().flatten().flat_map(|part| part.chars().chain(['\n']));
        let text = text.flat_map(char::to_lowercase).collect();
        let number = line.number;
        self.sums.change(&line, true);
        let entry = Entry { line, standing: Standing::Queued, came_at: None, text };
        let at = match self.place.get(&number) {
            Some(at) => {
                let before = std::mem::replace(&mut self.entries[*at], entry);
                self.sums.change(&before.line, false);
                *at
            }
            None => {
                self.entries.push(entry);
                self.place.insert(number, self.entries.len() - 1);
                self.entries.len() - 1
            }
        };
        self.stand(at);
    }

    /// Says anew how one stands.
    fn stand(&mut self, at: usize) {
        let Some(entry) = self.entries.get_mut(at) else { return };
        let came = self.returns.of(&entry.line.key, entry.line.organisation.as_deref());
        let suppressed = entry.line.canonical.as_deref().is_some_and(|canonical| {
            let domain = canonical.rsplit_once('@').map_or("", |(_, domain)| domain);
            !self.suppressed.is_empty()
                && suppressing_entries(canonical, domain).any(|what| self.suppressed.contains(what))
        });
        entry.standing = Standing::of(entry.line.state, suppressed, entry.line.on_roster, &came);
        entry.came_at = came.last.map(|(at, _)| at);
    }

    /// Returns everybody, in the order in which they were written down.
    pub(super) fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns whom is looked for, sorted.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Vec<&Entry> {
        let mut found: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| wanted.standings.is_empty() || wanted.standings.contains(&entry.standing))
            .filter(|entry| wanted.words.iter().all(|word| entry.text.contains(word)))
            .collect();
        found.sort_by(|one, other| wanted.order.compare(one, other));
        found
    }

    /// Counts them.
    pub(super) fn numbers(&self) -> Numbers {
        let mut counts = HashMap::new();
        for entry in &self.entries {
            *counts.entry(entry.standing).or_default() += 1;
        }
        let mut standings: Vec<(Standing, u64)> = counts.into_iter().collect();
        standings.sort_by_key(|(standing, count)| (Reverse(*count), *standing));
        let accepted = self.entries.iter().filter(|entry| entry.was_written_to()).count();
        Numbers { all: self.entries.len() as u64, accepted: accepted as u64, standings }
    }
}
