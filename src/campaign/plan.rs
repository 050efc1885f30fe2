//! The plan: what would be sent, to how many, when, under which digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::Serialize;

use super::calendar::Window;
use super::definition::hex;
use super::enclosure::Enclosure;
use super::recipient::{Channel, Recipient};
use super::task::Task;

/// Names everything that decides what goes out: letters, settings, and every row in its order.
///
/// The same inputs give the same digest; any change of a letter, a row, the sender, the account, the pace or the
/// window gives another.
pub struct PlanDigest(Context);

impl PlanDigest {
    /// Begins with the frozen definition's digest and a description of the way out.
    pub fn new(definition: &str, way: &str) -> Self {
        let mut digest = Self(Context::new(&SHA256));
        digest.part(definition);
        digest.part(way);
        digest
    }

    /// Adds a recipient, in the order of the roster.
    pub fn recipient(&mut self, recipient: &Recipient) {
        self.part(&recipient.key);
        match &recipient.channel {
            Channel::Mail(addressees) => {
                self.part(addressees.to.address.local());
                self.part(addressees.to.address.domain());
                let others = [&addressees.also_to, &addressees.cc, &addressees.bcc];
                if others.iter().any(|list| !list.is_empty()) || addressees.to.name.is_some() {
                    self.part(&serde_json::to_string(addressees).unwrap_or_default());
                }
            }
            Channel::ByHand(errand) => self.part(errand.name()),
        }
        if let Some(deadline) = recipient.deadline {
            self.part(&deadline.to_string());
        }
        self.part(recipient.name.as_deref().unwrap_or_default());
        self.part(recipient.organisation.as_deref().unwrap_or_default());
        for (field, value) in &recipient.fields {
            self.part(field);
            self.part(value);
        }
        self.0.update(b"\n");
    }

    /// Adds the files that go along with the letter of the recipient added last. Those for all stand in the definition already,
    /// and a list without any leaves the digest as it was.
    pub fn enclosures(&mut self, enclosures: &[Enclosure]) {
        for Enclosure { name, file } in enclosures {
            self.part(name);
            self.part(&file.media_type);
            self.0.update(&file.digest.0);
        }
        if !enclosures.is_empty() {
            self.0.update(b"\n");
        }
    }

    /// Returns 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(self.0.finish().as_ref())
    }

    /// Length first, so that two parts can never be read as one.
    fn part(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }
}

/// How many digits of a digest people are shown.
pub const SHOWN_DIGITS: usize = 12;

/// How many digits of a digest name a plan at least.
pub const LEAST_DIGITS: usize = 6;

/// Returns whether `given`, as a person typed it, names `digest`: at least 6 digits from its beginning.
pub fn names_plan(given: &str, digest: &str) -> bool {
    given.len() >= LEAST_DIGITS && digest.starts_with(&given.to_ascii_lowercase())
}

/// Why somebody on the roster gets no letter from this plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftOut {
    /// The relay has it already.
    AlreadyAccepted,
    /// The relay said no before, or it bounced or expired.
    AlreadyEnded,
    /// It may have gone out: a person must say.
    InDoubt,
    /// On the suppression list.
    Suppressed,
    /// The campaign was cancelled before this letter went.
    Cancelled,
    /// Its deadline has passed.
    TooLate,
    /// A person did it.
    Done,
    /// Somebody of the same organisation has answered.
    Answered,
    /// Another row of the roster is the same person.
    Duplicate,
    /// Not among the keys asked for.
    NotAsked,
}

impl LeftOut {
    /// Returns the reason in words, to stand behind a number.
    pub fn words(&self) -> &'static str {
        match self {
            LeftOut::AlreadyAccepted => "already accepted by the relay",
            LeftOut::AlreadyEnded => "refused, bounced or expired before",
            LeftOut::InDoubt => "in doubt: say what became of them with `postduif settle`",
            LeftOut::Suppressed => "on the suppression list",
            LeftOut::Cancelled => "cancelled before",
            LeftOut::TooLate => "too late: the deadline has passed",
            LeftOut::Done => "done by hand",
            LeftOut::Answered => "their organisation has answered",
            LeftOut::Duplicate => "the same person as another row",
            LeftOut::NotAsked => "not asked for",
        }
    }
}

/// Those left out for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOutGroup {
    /// How many.
    pub count: u64,
    /// The first few, each with its key and what is known.
    pub examples: Vec<String>,
}

/// What would be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The campaign's name.
    pub campaign: String,
    /// Its digest.
    pub digest: String,
    /// Recipients on the roster.
    pub recipients: u64,
    /// Letters that would go out.
    pub letters: u64,
    /// Tasks for a person: recipients who take no mail.
    pub tasks: u64,
    /// The first few of them.
    pub some_tasks: Vec<Task>,
    /// Who gets none, by reason.
    pub left_out: BTreeMap<LeftOut, LeftOutGroup>,
    /// When the first and the last would go.
    pub forecast: Option<Forecast>,
}

impl Plan {
    /// How many examples of a reason are kept.
    pub const EXAMPLES: usize = 10;

    /// Notes a task for a person.
    pub fn task(&mut self, task: Task) {
        self.tasks += 1;
        if self.some_tasks.len() < Self::EXAMPLES {
            self.some_tasks.push(task);
        }
    }

    /// Notes somebody who gets no letter.
    pub fn leave_out(&mut self, why: LeftOut, example: impl FnOnce() -> String) {
        let group = self.left_out.entry(why).or_default();
        group.count += 1;
        if group.examples.len() < Self::EXAMPLES {
            group.examples.push(example());
        }
    }
}

/// When a run would begin and end, if the relay takes everything at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// When the first letter goes.
    pub first: Timestamp,
    /// When the last letter goes.
    pub last: Timestamp,
}

/// Foretells when `letters` letters go from `now` on, if `nth_after(n)` is when the n-th (from 1) can go after the first.
///
/// With office hours, each opening is counted as a fresh start: a limit per day then means so many a day.
/// Returns nothing for no letters, or when the end lies further ahead than ten years of openings.
pub fn forecast(
    letters: u64,
    now: Timestamp,
    window: Option<&Window>,
    nth_after: impl Fn(u64) -> std::time::Duration,
) -> Option<Forecast> {
    if letters == 0 {
        return None;
    }
    let Some(window) = window else {
        return Some(Forecast { first: now, last: now.saturating_add(nth_after(letters)).ok()? });
    };
    let first = window.open_at_or_after(now)?;
    let (mut opens, mut left) = (first, letters);
    for _ in 0..3660 {
        let open_for =
            std::time::Duration::try_from(window.closes_after(opens).duration_since(opens)).ok()?;
        let fit = most_within(left, open_for, &nth_after);
        if fit == left {
            return Some(Forecast { first, last: opens.saturating_add(nth_after(left)).ok()? });
        }
        left -= fit;
        opens = window.open_at_or_after(window.closes_after(opens))?;
    }
    None
}

/// Returns how many letters can go before `end` from `now` on; the rest as for [`forecast`].
pub fn fit_before(
    end: Timestamp,
    now: Timestamp,
    window: Option<&Window>,
    nth_after: impl Fn(u64) -> std::time::Duration,
) -> u64 {
    // More than any roster has, and few enough to be reckoned with as a broken number.
    let most = 1 << 40;
    let between = |from: Timestamp, until: Timestamp| {
        std::time::Duration::try_from(until.duration_since(from)).unwrap_or_default()
    };
    let Some(window) = window else { return most_within(most, between(now, end), &nth_after) };
    let mut fit = 0;
    let mut opens = window.open_at_or_after(now);
    for _ in 0..3660 {
        let Some(at) = opens.filter(|at| *at < end) else { break };
        let closes = window.closes_after(at);
        fit += most_within(most, between(at, closes.min(end)), &nth_after);
        opens = window.open_at_or_after(closes);
    }
    fit
}

/// Returns the most letters, up to `most`, whose last goes within `span`: a search by halves, since waits only grow.
fn most_within(most: u64, span: std::time::Duration, nth_after: &impl Fn(u64) -> std::time::Duration) -> u64 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if nth_after(middle) < span { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::{Time, Weekday};
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::campaign::recipient::Addressees;
    use crate::mail::address::Address;

    fn recipient(key: &str, name: &str) -> Recipient {
        Recipient {
            key: key.into(),
            channel: Channel::Mail(Addressees::one(Address::parse("ada@party.example").unwrap())),
            deadline: None,
            name: Some(name.into()),
            organisation: None,
            fields: vec![("naam".into(), name.into())],
        }
    }

    fn digest(rows: &[Recipient]) -> String {
        let mut digest = PlanDigest::new("definition", "way");
        rows.iter().for_each(|row| digest.recipient(row));
        digest.finish()
    }

    #[test]
    fn any_change_gives_another_digest_and_no_change_gives_the_same() {
        let (a, b) = (recipient("a", "Ada"), recipient("b", "Bo"));
        let same = digest(&[a.clone(), b.clone()]);
        assert_eq!(same, digest(&[a.clone(), b.clone()]));
        assert_ne!(same, digest(&[b.clone(), a.clone()]));
        assert_ne!(same, digest(&[a.clone(), recipient("b", "Bo ")]));
        assert_ne!(digest(&[recipient("ab", "c")]), digest(&[recipient("a", "bc")]));
        assert_ne!(same, PlanDigest::new("definition", "another way").finish());
    }

    #[test]
    fn a_person_may_type_the_beginning_of_a_digest() {
        let whole = digest(&[]);
        assert!(names_plan(&whole[..SHOWN_DIGITS], &whole) && names_plan(&whole.to_uppercase(), &whole));
        assert!(!names_plan(&whole[..5], &whole) && !names_plan("abcdef", "abcdee"));
    }

    /// Mondays and Tuesdays, nine to ten.
    fn short_office() -> Window {
        Window {
            zone: TimeZone::get("Europe/Amsterdam").unwrap(),
            days: vec![Weekday::Monday, Weekday::Tuesday],
            from: Time::constant(9, 0, 0, 0),
            until: Time::constant(10, 0, 0, 0),
        }
    }

    fn one_a_minute(nth: u64) -> Duration {
        Duration::from_secs(60) * u32::try_from(nth - 1).unwrap_or(u32::MAX)
    }

    #[test]
    fn what_fits_before_a_deadline_is_what_the_forecast_lets_go_before_it() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let now = at("2025-09-08T07:00:00Z");
        for (end, fit) in [
            ("2025-09-08T07:00:00Z", 0),
            ("2025-09-08T07:00:01Z", 1),
            ("2025-09-08T07:01:00Z", 1),
            ("2025-09-08T08:30:00Z", 60),
            ("2025-09-09T22:00:00Z", 120),
            ("2025-09-01T22:00:00Z", 0),
        ] {
            assert_eq!(fit_before(at(end), now, Some(&short_office()), one_a_minute), fit, "{end}");
        }
        assert_eq!(fit_before(at("2025-09-08T08:30:00Z"), now, None, one_a_minute), 90);
        assert!(fit_before(at("2025-09-08T08:30:00Z"), now, None, |_| Duration::ZERO) > 1_000_000_000);
    }

    proptest! {
        #[test]
        fn the_last_letter_that_fits_goes_before_the_deadline_and_the_next_does_not(
            begin in 0_i64..2_000_000,
            lasts in 0_i64..2_000_000,
            gap in 1_u32..100_000,
            hours in any::<bool>(),
        ) {
            let now = Timestamp::from_second(1_757_000_000 + begin).unwrap();
            let end = Timestamp::from_second(now.as_second() + lasts).unwrap();
            let window = hours.then(short_office);
            let pace = |nth: u64| Duration::from_secs(u64::from(gap)) * u32::try_from(nth - 1).unwrap_or(u32::MAX);
            let fit = fit_before(end, now, window.as_ref(), pace);
            let last = |letters| forecast(letters, now, window.as_ref(), pace).map(|told| told.last);
            prop_assert!(last(fit).is_none_or(|last| last < end));
            prop_assert!(last(fit + 1).is_none_or(|last| last >= end));
        }
    }

    #[test]
    fn without_office_hours_the_last_goes_when_the_pace_says() {
        let now = Timestamp::UNIX_EPOCH;
        let told = forecast(27, now, None, |n| Duration::from_secs(n - 1)).unwrap();
        assert_eq!((told.first, told.last.as_second()), (now, 26));
        assert_eq!(forecast(0, now, None, |_| Duration::ZERO), None);
    }

    #[test]
    fn with_office_hours_the_rest_goes_on_the_next_days() {
        let window = short_office();
        // Friday; one letter a minute, so sixty fit into each opening: Monday, Tuesday, Monday.
        let now: Timestamp = "2025-09-05T12:00:00Z".parse().unwrap();
        let told = forecast(121, now, Some(&window), |n| Duration::from_secs(60 * (n - 1))).unwrap();
        assert_eq!(told.first.to_string(), "2025-09-08T07:00:00Z");
        assert_eq!(told.last.to_string(), "2025-09-15T07:00:00Z");
    }
}
