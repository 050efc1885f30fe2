//! Whether a rehearsal went as it must: what the town saw, held against the campaign's rules and against the ledger. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Copy, Seen};
use crate::campaign::calendar::{Deadlines, Window};
use crate::campaign::holidays::WorkingDays;
use crate::campaign::sequence::{StepRule, due};
use crate::delivery::pace::{Limit, Pace};
use crate::delivery::state::State;

/// An answer may lie in the mailbox so long before nobody may write any more: the barrier's minute.
pub const BARRIER: Duration = Duration::from_secs(60);

/// What the campaign promises.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Office hours, if any.
    pub window: Option<Window>,
    /// How fast.
    pub pace: Pace,
    /// The campaign's last day.
    pub deadlines: Deadlines,
    /// When each letter follows the one before; one for each, the first included.
    pub steps: Vec<StepRule>,
    /// Which days are worked.
    pub working: WorkingDays,
    /// The campaign's zone.
    pub zone: TimeZone,
}

/// A delivery as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The recipient's key.
    pub key: String,
    /// The body that they answer for.
    pub organisation: Option<String>,
    /// Of which step, from 1.
    pub step: u32,
    /// Its Message-ID, with brackets.
    pub message_id: String,
    /// Where it stands.
    pub state: State,
    /// The recipient's own last day.
    pub deadline: Option<Date>,
}

/// Returns every breach, a sentence each; none is good. `recorded` is how many messages the ledger has of each key.
pub fn verdict(
    seen: &Seen,
    delivered: &[Delivered],
    recorded: &BTreeMap<String, usize>,
    rules: &Rules,
) -> Vec<String> {
    let by_id: BTreeMap<&str, &Delivered> =
        delivered.iter().map(|delivery| (delivery.message_id.as_str(), delivery)).collect();
    let court = Court { seen, delivered, recorded, by_id, rules };
    let mut breaches = seen.troubles.clone();
    breaches.extend(court.twice());
    breaches.extend(court.after_an_answer());
    breaches.extend(court.out_of_time());
    breaches.extend(court.too_fast());
    breaches.extend(court.too_early());
    breaches.extend(court.miscounted());
    breaches.extend(court.unread());
    breaches
}

struct Court<'a> {
    seen: &'a Seen,
    delivered: &'a [Delivered],
    recorded: &'a BTreeMap<String, usize>,
    by_id: BTreeMap<&'a str, &'a Delivered>,
    rules: &'a Rules,
}

impl Court<'_> {
    /// The letters that went, each with what the ledger knows of it.
    fn known(&self) -> impl Iterator<Item = (&Copy, &Delivered)> {
        self.seen.copies.iter().filter_map(|copy| Some((copy, *self.by_id.get(copy.message_id.as_str())?)))
    }

    fn told(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.rules.zone.clone()).strftime("%A %-d %B %Y, %H:%M:%S").to_string()
    }

    /// Nobody gets the same letter twice. What came back reached nobody, and may go again under another name.
    fn twice(&self) -> Vec<String> {
        let mut copies: BTreeMap<(&str, u32, &str), Vec<Timestamp>> = BTreeMap::new();
        for (copy, delivery) in self.known() {
            let apart = if delivery.state == State::Bounced { copy.message_id.as_str() } else { "" };
            copies.entry((&delivery.key, delivery.step, apart)).or_default().push(copy.at);
        }
        let several = copies.into_iter().filter(|(_, times)| times.len() > 1);
        several
            .map(|((key, step, _), times)| {
                let times: Vec<String> = times.into_iter().map(|at| self.told(at)).collect();
                format!("{key} got letter {step} {} times: {}", times.len(), times.join("; "))
            })
            .collect()
    }

    /// Nobody gets a letter once they have answered where it could be read, nor does anybody of the organisation.
    fn after_an_answer(&self) -> Vec<String> {
        let bodies: BTreeMap<&str, &str> = self
            .delivered
            .iter()
            .filter_map(|delivery| Some((delivery.key.as_str(), delivery.organisation.as_deref()?)))
            .collect();
        let mut breaches = Vec::new();
        for (copy, delivery) in self.known() {
            let body = delivery.organisation.as_deref();
            let stops = self.seen.posted.iter().find(|posted| {
                let is_colleague = posted.habit.is_for_all()
                    && body.is_some()
                    && bodies.get(posted.key.as_str()).copied() == body;
                posted.habit.is_an_answer()
                    && (posted.key == delivery.key || is_colleague)
                    && copy.at > posted.at.saturating_add(BARRIER).unwrap_or(posted.at)
            });
            if let Some(posted) = stops {
                breaches.push(format!(
                    "{} got letter {} on {}, though {} {} on {}",
                    delivery.key,
                    delivery.step,
                    self.told(copy.at),
                    posted.key,
                    posted.habit.told(),
                    self.told(posted.at)
                ));
            }
        }
        breaches
    }

    /// Nothing goes outside office hours, nor after the last day.
    fn out_of_time(&self) -> Vec<String> {
        let rules = self.rules;
        let mut breaches = Vec::new();
        for (copy, delivery) in self.known() {
            let Delivered { key, step, deadline, .. } = delivery;
            let told = self.told(copy.at);
            let is_open = |window: &Window| window.open_at_or_after(copy.at) == Some(copy.at);
            if rules.window.as_ref().is_some_and(|window| !is_open(window)) {
                breaches.push(format!("{key} got letter {step} outside office hours: {told}"));
            }
            let nth = usize::try_from(step.saturating_sub(1)).unwrap_or(usize::MAX);
            let of_step = rules.steps.get(nth).and_then(|rule| rule.not_after);
            let last = rules.deadlines.day(*deadline).into_iter().chain(of_step).min();
            if let Some(last) = last.filter(|last| rules.deadlines.today(copy.at) > *last) {
                breaches.push(format!("{key} got letter {step} after its last day, {last}: {told}"));
            }
        }
        breaches
    }

    /// Within no window of a limit go more letters than it allows.
    fn too_fast(&self) -> Vec<String> {
        let all: Vec<Timestamp> = self.seen.copies.iter().map(|copy| copy.at).collect();
        let mut breaches: Vec<String> =
            self.rules.pace.limits.iter().filter_map(|limit| self.over(&all, limit, "")).collect();
        if let Some(limit) = &self.rules.pace.per_domain {
            let mut domains: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
            for copy in &self.seen.copies {
                let of_copy: BTreeSet<String> = copy
                    .to
                    .iter()
                    .filter_map(|to| to.rsplit_once('@').map(|(_, domain)| domain.to_lowercase()))
                    .collect();
                of_copy.into_iter().for_each(|domain| domains.entry(domain).or_default().push(copy.at));
            }
            let over = domains
                .iter()
                .filter_map(|(domain, times)| self.over(times, limit, &format!(" to addresses at {domain}")));
            breaches.extend(over);
        }
        breaches
    }

    /// The first place at which more letters went than a limit allows; `times` rise.
    fn over(&self, times: &[Timestamp], limit: &Limit, whom: &str) -> Option<String> {
        let letters = usize::try_from(limit.letters).unwrap_or(usize::MAX);
        let first = times.iter().zip(times.iter().skip(letters)).find(|(first, last)| {
            Duration::try_from(last.duration_since(**first)).is_ok_and(|span| span < limit.window)
        })?;
        Some(format!(
            "more letters{whom} than the limit of {} went within {} seconds, from {} on",
            limit.letters,
            limit.window.as_secs(),
            self.told(*first.0)
        ))
    }

    /// No letter goes before it is due.
    fn too_early(&self) -> Vec<String> {
        let rules = self.rules;
        let mut went: BTreeMap<(&str, u32), Timestamp> = BTreeMap::new();
        for (copy, delivery) in self.known() {
            went.entry((&delivery.key, delivery.step)).or_insert(copy.at);
        }
        let mut breaches = Vec::new();
        for ((key, step), at) in &went {
            let nth = usize::try_from(step.saturating_sub(1)).unwrap_or(usize::MAX);
            let Some(after) = rules.steps.get(nth).and_then(|rule| rule.after) else { continue };
            let Some(before) = went.get(&(*key, step - 1)) else {
                breaches.push(format!("{key} got letter {step} and never letter {}", step - 1));
                continue;
            };
            let due = due(after, *before, None, &rules.working, &rules.zone, rules.window.as_ref());
            if *at < due {
                breaches.push(format!(
                    "{key} got letter {step} on {}, before it was due on {}",
                    self.told(*at),
                    self.told(due)
                ));
            }
        }
        breaches
    }

    /// The town has the letters that the ledger says went out, and no others.
    fn miscounted(&self) -> Vec<String> {
        let mut copies: BTreeMap<&str, u32> = BTreeMap::new();
        let mut breaches = Vec::new();
        for copy in &self.seen.copies {
            *copies.entry(&copy.message_id).or_default() += 1;
            if !self.by_id.contains_key(copy.message_id.as_str()) {
                let whom = copy.key.clone().unwrap_or_else(|| copy.to.join(", "));
                breaches
                    .push(format!("{whom} got a letter that the ledger does not know: {}", copy.message_id));
            }
        }
        for Delivered { key, step, message_id, state, .. } in self.delivered {
            let has = copies.get(message_id.as_str()).copied().unwrap_or(0) > 0;
            match state {
                State::Accepted | State::Bounced if !has => breaches.push(format!(
                    "the ledger says that letter {step} went to {key}, and the town never got it"
                )),
                // In doubt is either; an answer or a bounce may have told since.
                State::Accepted | State::Bounced | State::InDoubt => {}
                _ if has => breaches.push(format!(
                    "the town got letter {step} to {key}, and the ledger says that it did not go: {state:?}"
                )),
                _ => {}
            }
        }
        breaches
    }

    /// All that was laid into the mailbox has been read, and is known to be theirs.
    fn unread(&self) -> Vec<String> {
        let mut laid: BTreeMap<&str, usize> = BTreeMap::new();
        for posted in &self.seen.posted {
            *laid.entry(&posted.key).or_default() += 1;
        }
        let known = |key: &str| self.recorded.get(key).copied().unwrap_or(0);
        let fewer = laid.into_iter().filter(|(key, number)| known(key) < *number);
        fewer
            .map(|(key, number)| {
                format!(
                    "{number} messages of {key} lie in the mailbox, and the ledger knows of {}",
                    known(key)
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Time, Weekday, date};

    use super::super::Posted;
    use super::super::script::Habit;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rules() -> Rules {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        Rules {
            window: Some(Window {
                zone: zone.clone(),
                days: vec![Weekday::Monday, Weekday::Tuesday],
                from: Time::constant(9, 0, 0, 0),
                until: Time::constant(17, 0, 0, 0),
            }),
            pace: Pace {
                limits: vec![Limit { letters: 2, window: Pace::MINUTE }],
                per_domain: Some(Limit { letters: 1, window: Pace::MINUTE }),
                ..Pace::default()
            },
            deadlines: Deadlines { zone: zone.clone(), last: Some(date(2025, 9, 30)) },
            steps: vec![
                StepRule::default(),
                StepRule {
                    after: Some("1 week".parse().unwrap()),
                    not_after: Some(date(2025, 9, 23)),
                    ..StepRule::default()
                },
            ],
            working: WorkingDays::default(),
            zone,
        }
    }

    fn copy(key: &str, step: u32, when: &str) -> Copy {
        Copy {
            at: at(when),
            message_id: format!("<{key}.{step}@samen.example>"),
            key: Some(key.to_owned()),
            to: vec![format!("info@{key}.example")],
        }
    }

    fn delivery(key: &str, step: u32, state: State) -> Delivered {
        Delivered {
            key: key.to_owned(),
            organisation: Some(format!("partij {}", &key[..1])),
            step,
            message_id: format!("<{key}.{step}@samen.example>"),
            state,
            deadline: None,
        }
    }

    fn answer(key: &str, when: &str) -> Posted {
        Posted { at: at(when), key: key.to_owned(), letter: 1, habit: Habit::Answers }
    }

    /// Two letters to a1, of which the second a week later, and one to b1.
    fn good() -> (Seen, Vec<Delivered>) {
        let seen = Seen {
            copies: vec![
                copy("a1", 1, "2025-09-08T07:30:00Z"),
                copy("b1", 1, "2025-09-08T07:30:30Z"),
                copy("a1", 2, "2025-09-15T07:30:00Z"),
            ],
            ..Seen::default()
        };
        let delivered = vec![
            delivery("a1", 1, State::Accepted),
            delivery("b1", 1, State::Accepted),
            delivery("a1", 2, State::Accepted),
        ];
        (seen, delivered)
    }

    /// The breaches after something was changed in what is good.
    fn after(change: impl FnOnce(&mut Seen, &mut Vec<Delivered>)) -> Vec<String> {
        let (mut seen, mut delivered) = good();
        change(&mut seen, &mut delivered);
        let mut recorded = BTreeMap::new();
        for posted in &seen.posted {
            *recorded.entry(posted.key.clone()).or_default() += 1;
        }
        verdict(&seen, &delivered, &recorded, &rules())
    }

    #[test]
    fn what_kept_every_rule_has_no_breach() {
        assert_eq!(after(|_, _| ()), [""; 0]);
        // An answer of the same minute, one after the last letter, and a machine's.
        assert_eq!(after(|seen, _| seen.posted.push(answer("a1", "2025-09-15T07:29:00Z"))), [""; 0]);
        assert_eq!(after(|seen, _| seen.posted.push(answer("a1", "2025-09-16T07:29:00Z"))), [""; 0]);
        let away = Posted { habit: Habit::Away, ..answer("a1", "2025-09-09T07:29:00Z") };
        assert_eq!(after(|seen, _| seen.posted.push(away)), [""; 0]);
        // Who opts out speaks for nobody else.
        let opts_out = |seen: &mut Seen, delivered: &mut Vec<Delivered>| {
            delivered.push(delivery("a2", 1, State::Cancelled));
            seen.posted.push(Posted { habit: Habit::OptsOut, ..answer("a2", "2025-09-10T07:00:00Z") });
        };
        assert_eq!(after(opts_out), [""; 0]);
        // What came back goes again under another name.
        let again = |seen: &mut Seen, delivered: &mut Vec<Delivered>| {
            let id = "<again@samen.example>".to_owned();
            delivered[1].state = State::Bounced;
            seen.copies.push(Copy { message_id: id.clone(), ..copy("b1", 1, "2025-09-15T08:00:00Z") });
            delivered.push(Delivered { message_id: id, ..delivery("b1", 1, State::Accepted) });
        };
        assert_eq!(after(again), [""; 0]);
        // Nothing is said of what is in doubt, and nothing had to go.
        let doubts = |_: &mut Seen, delivered: &mut Vec<Delivered>| {
            delivered[1].state = State::InDoubt;
            delivered.push(delivery("c1", 1, State::InDoubt));
            delivered.push(delivery("d1", 1, State::Cancelled));
        };
        assert_eq!(after(doubts), [""; 0]);
    }

    #[test]
    fn every_breach_is_named() {
        let mut told = Vec::new();
        let mut breaches = |name: &str, found: Vec<String>| {
            assert!(!found.is_empty(), "{name} is not found");
            told.push(format!("{name}\n  {}", found.join("\n  ")));
        };
        breaches("a second copy", after(|seen, _| seen.copies.push(copy("b1", 1, "2025-09-15T08:00:00Z"))));
        breaches(
            "a second copy under another name",
            after(|seen, delivered| {
                let id = "<again@samen.example>".to_owned();
                seen.copies.push(Copy { message_id: id.clone(), ..copy("b1", 1, "2025-09-15T08:00:00Z") });
                delivered.push(Delivered { message_id: id, ..delivery("b1", 1, State::Accepted) });
            }),
        );
        breaches(
            "a second copy of what came back",
            after(|seen, delivered| {
                delivered[1].state = State::Bounced;
                seen.copies.push(copy("b1", 1, "2025-09-15T08:00:00Z"));
            }),
        );
        breaches("after an answer", after(|seen, _| seen.posted.push(answer("a1", "2025-09-15T07:28:59Z"))));
        breaches(
            "after a colleague's answer",
            after(|seen, delivered| {
                delivered.push(delivery("a2", 1, State::Cancelled));
                seen.posted.push(answer("a2", "2025-09-10T07:00:00Z"));
            }),
        );
        breaches("outside office hours", after(|seen, _| seen.copies[1].at = at("2025-09-08T06:59:59Z")));
        breaches("on a day off", after(|seen, _| seen.copies[1].at = at("2025-09-10T08:00:00Z")));
        breaches(
            "after their own last day",
            after(|_, delivered| delivered[2].deadline = Some(date(2025, 9, 14))),
        );
        breaches(
            "after the last day of the step",
            after(|seen, _| seen.copies[2].at = at("2025-09-29T08:00:00Z")),
        );
        breaches(
            "after the last day of all",
            after(|seen, _| seen.copies[1].at = at("2025-10-06T08:00:00Z")),
        );
        breaches(
            "three in a minute",
            after(|seen, delivered| {
                seen.copies.insert(2, copy("c1", 1, "2025-09-08T07:30:59Z"));
                delivered.push(delivery("c1", 1, State::Accepted));
            }),
        );
        breaches(
            "two in a minute to a domain",
            after(|seen, _| seen.copies[1].to = vec!["x@A1.example".to_owned()]),
        );
        breaches("too early", after(|seen, _| seen.copies[2].at = at("2025-09-15T07:29:59Z")));
        breaches(
            "the second without the first",
            after(|seen, delivered| {
                seen.copies.remove(0);
                delivered.remove(0);
            }),
        );
        breaches("a letter from nowhere", after(|_, delivered| drop(delivered.remove(1))));
        breaches("a letter that never came", after(|seen, _| drop(seen.copies.remove(1))));
        breaches("a letter that should not have", after(|_, delivered| delivered[1].state = State::Queued));
        let (mut seen, delivered) = good();
        seen.posted.push(Posted { habit: Habit::Away, ..answer("b1", "2025-09-10T07:00:00Z") });
        breaches("an answer that nobody read", verdict(&seen, &delivered, &BTreeMap::new(), &rules()));
        breaches("a full disk", after(|seen, _| seen.troubles.push("the disk is full".to_owned())));
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn so_many_as_a_limit_allows_are_no_breach_and_one_more_is() {
        let times: Vec<Timestamp> = [0, 30, 60, 90, 119].map(|s| Timestamp::from_second(s).unwrap()).into();
        let (seen, delivered) = good();
        let rules = rules();
        let (by_id, recorded) = (BTreeMap::new(), BTreeMap::new());
        let court = Court { seen: &seen, delivered: &delivered, recorded: &recorded, by_id, rules: &rules };
        let limit = Limit { letters: 2, window: Pace::MINUTE };
        assert_eq!(court.over(&times[..4], &limit, ""), None);
        assert!(court.over(&times, &limit, "").is_some());
    }
}
