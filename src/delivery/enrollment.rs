//! An enrollment: one recipient's way through the sequence. What is next and when, or why nothing is.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::inbound::Stop;
use super::standing::Came;
use super::state::State;
use crate::campaign::calendar::{Deadlines, Window};
use crate::campaign::holidays::WorkingDays;
use crate::campaign::sequence::{StepRule, due};

/// The latest delivery of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTaken {
    /// Where it stands.
    pub state: State,
    /// When the relay took it.
    pub accepted_at: Option<Timestamp>,
}

/// What is known of one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The steps that were begun, from the first on.
    pub taken: &'a [StepTaken],
    /// What came back.
    pub came: &'a Came,
    /// The fields of the row, for conditions.
    pub fields: &'a [(String, String)],
    /// Whether the address is on the suppression list.
    pub suppressed: bool,
    /// Whether the last pass over the roster saw the row.
    pub on_roster: bool,
    /// Whether the recipient takes no mail.
    pub by_hand: bool,
    /// Whether a person held the next letter back.
    pub on_hold: bool,
    /// Whether a person wants the next letter to go although the organisation answered.
    pub despite_reply: bool,
    /// The last day on which anything may go, the campaign's and the recipient's own.
    pub deadline: Option<Date>,
}

/// What the days are reckoned with.
#[derive(Clone, Copy, Debug)]
pub struct Reckoning<'a> {
    /// Which days are worked.
    pub working: &'a WorkingDays,
    /// The campaign's zone.
    pub zone: &'a TimeZone,
    /// Office hours, if any.
    pub window: Option<&'a Window>,
}

/// A sequence with everything that it is reckoned with.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The rule of each step, the first included.
    pub rules: Vec<StepRule>,
    /// Which days are worked.
    pub working: WorkingDays,
    /// Office hours, if any.
    pub window: Option<Window>,
    /// The last days, and the campaign's zone.
    pub deadlines: Deadlines,
}

impl Sequence {
    /// Says what is next for a recipient.
    pub fn next(&self, facts: &Facts<'_>) -> Next {
        let reckoning =
            Reckoning { working: &self.working, zone: &self.deadlines.zone, window: self.window.as_ref() };
        next(facts, &self.rules, reckoning)
    }

    /// Returns whether any step asks for the fields of a row.
    pub fn has_conditions(&self) -> bool {
        self.rules.iter().any(|rule| !rule.unless.is_empty())
    }

    /// Returns the instant from which on the letter of a step may not go to a recipient any more.
    pub fn last_day(&self, step: u32, own: Option<Date>) -> Option<Timestamp> {
        let rule = usize::try_from(step).ok().and_then(|step| self.rules.get(step.checked_sub(1)?));
        let last = rule.and_then(|rule| rule.not_after);
        self.deadlines.end(own.into_iter().chain(last).min())
    }
}

/// What is next for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The letter of this step is due at an instant, which may be past.
    Letter {
        /// The step, from 2.
        step: u32,
        /// When.
        due: Timestamp,
        /// The day of return that put it off, if one did.
        put_off_by: Option<Date>,
    },
    /// Nothing, for this reason.
    Nothing(Reason),
}

/// Why somebody gets no further letter, now or for good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// All letters of the sequence have gone.
    Completed,
    /// They answered.
    Replied,
    /// A colleague answered; by key.
    ColleagueReplied(String),
    /// They want no more letters.
    OptedOut,
    /// They called a letter spam.
    Complained,
    /// The letter before came back.
    Bounced,
    /// The letter before was refused, given up, or withdrawn.
    NotSent,
    /// On the suppression list.
    Suppressed,
    /// The letter before is in doubt.
    InDoubt,
    /// Nothing is planned for them yet.
    NotBegun,
    /// This letter is queued, or on its way at this moment.
    Queued(u32),
    /// Something of theirs waits for a person's judgement.
    Review,
    /// Something of a colleague's does.
    ColleagueUnderReview,
    /// A person held it back.
    OnHold,
    /// The row is no longer in the roster.
    OffRoster,
    /// They take no mail.
    ByHand,
    /// It would come after the deadline, or after the last day of the step.
    TooLate(Date),
    /// The step's condition leaves them out.
    Condition(String),
}

impl Reason {
    /// Returns whether the enrollment has ended, as against being held.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Reason::InDoubt
                | Reason::NotBegun
                | Reason::Queued(_)
                | Reason::Review
                | Reason::ColleagueUnderReview
                | Reason::OnHold
                | Reason::OffRoster
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Completed => f.write_str("has had every letter"),
            Reason::Replied => f.write_str("answered"),
            Reason::ColleagueReplied(key) => write!(f, "{key} of the same organisation answered"),
            Reason::OptedOut => f.write_str("wants no more letters"),
            Reason::Complained => f.write_str("called a letter spam"),
            Reason::Bounced => f.write_str("the letter before came back"),
            Reason::NotSent => f.write_str("the letter before did not go out"),
            Reason::Suppressed => f.write_str("is on the suppression list"),
            Reason::InDoubt => f.write_str("the letter before is in doubt: `postduif settle`"),
            Reason::NotBegun => f.write_str("nothing is planned yet: `postduif send`"),
            Reason::Queued(step) => write!(f, "letter {step} is queued"),
            Reason::Review => f.write_str("something waits for your judgement: `postduif review`"),
            Reason::ColleagueUnderReview => {
                f.write_str("something of the same organisation waits for your judgement: `postduif review`")
            }
            Reason::OnHold => f.write_str("you hold it back"),
            Reason::OffRoster => f.write_str("is no longer in the roster"),
            Reason::ByHand => f.write_str("takes no mail"),
            Reason::TooLate(day) => write!(f, "it would come after {day}"),
            Reason::Condition(condition) => write!(f, "left out by `unless = \"{condition}\"`"),
        }
    }
}

/// Says what is next for a recipient in a sequence; `rules` are those of all steps, the first included.
pub fn next(facts: &Facts<'_>, rules: &[StepRule], reckoning: Reckoning<'_>) -> Next {
    match step_and_due(facts, rules, reckoning) {
        Ok(next) => next,
        Err(reason) => Next::Nothing(reason),
    }
}

fn step_and_due(facts: &Facts<'_>, rules: &[StepRule], reckoning: Reckoning<'_>) -> Result<Next, Reason> {
    let came = facts.came;
    match came.stop {
        Some(Stop::OptedOut) => return Err(Reason::OptedOut),
        Some(Stop::Complained) => return Err(Reason::Complained),
        Some(Stop::Bounced) => return Err(Reason::Bounced),
        Some(Stop::Replied) if !facts.despite_reply => {
            return Err(match &came.answered_by {
                Some(by) => Reason::ColleagueReplied(by.clone()),
                None => Reason::Replied,
            });
        }
        Some(Stop::Replied) | None => {}
    }
    if facts.suppressed {
        return Err(Reason::Suppressed);
    }
    if facts.by_hand {
        return Err(Reason::ByHand);
    }
    let Some(last) = facts.taken.last() else { return Err(Reason::NotBegun) };
    let begun = u32::try_from(facts.taken.len()).unwrap_or(u32::MAX);
    let accepted = match last.state {
        State::Accepted => last.accepted_at.ok_or(Reason::Queued(begun))?,
        State::Queued | State::InFlight => return Err(Reason::Queued(begun)),
        State::InDoubt => return Err(Reason::InDoubt),
        State::Bounced => return Err(Reason::Bounced),
        State::Refused | State::Expired | State::Cancelled | State::Lapsed => return Err(Reason::NotSent),
        State::Task | State::Done => return Err(Reason::ByHand),
    };
    let Some(rule) = rules.get(facts.taken.len()) else { return Err(Reason::Completed) };
    let Some(after) = rule.after else { return Err(Reason::Completed) };
    if let Some(condition) = rule.unless.iter().find(|condition| condition.holds(facts.fields)) {
        return Err(Reason::Condition(condition.to_string()));
    }
    if came.review {
        return Err(Reason::Review);
    }
    if came.colleague_under_review {
        return Err(Reason::ColleagueUnderReview);
    }
    if facts.on_hold {
        return Err(Reason::OnHold);
    }
    if !facts.on_roster {
        return Err(Reason::OffRoster);
    }
    let Reckoning { working, zone, window } = reckoning;
    let when = due(after, accepted, None, working, zone, window);
    let put_off = due(after, accepted, came.until, working, zone, window);
    let day = put_off.to_zoned_datetime(zone.clone()).date();
    if let Some(last) = rule.not_after.into_iter().chain(facts.deadline).min().filter(|last| day > *last) {
        return Err(Reason::TooLate(last));
    }
    let step = begun.saturating_add(1);
    Ok(Next::Letter { step, due: put_off, put_off_by: came.until.filter(|_| put_off > when) })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::campaign::sequence::Condition;

    const ACCEPTED: &str = "2025-09-08T08:30:00Z";

    fn taken(state: State) -> StepTaken {
        StepTaken { state, accepted_at: (state == State::Accepted).then(|| ACCEPTED.parse().unwrap()) }
    }

    fn rules() -> Vec<StepRule> {
        let follow_up = |after: &str| StepRule { after: Some(after.parse().unwrap()), ..StepRule::default() };
        vec![StepRule::default(), follow_up("10 working days"), follow_up("1 week")]
    }

    fn ask(taken: &[StepTaken], came: &Came, change: impl Fn(&mut Facts<'_>)) -> Next {
        ask_by(taken, came, &rules(), change)
    }

    fn ask_by(taken: &[StepTaken], came: &Came, rules: &[StepRule], change: impl Fn(&mut Facts<'_>)) -> Next {
        let fields = [("fractie".to_owned(), "nee".to_owned())];
        let mut facts = Facts {
            taken,
            came,
            fields: &fields,
            suppressed: false,
            on_roster: true,
            by_hand: false,
            on_hold: false,
            despite_reply: false,
            deadline: None,
        };
        change(&mut facts);
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        next(&facts, rules, Reckoning { working: &WorkingDays::default(), zone: &zone, window: None })
    }

    fn reason(next: Next) -> Reason {
        let Next::Nothing(reason) = next else { panic!("{next:?}") };
        reason
    }

    #[test]
    fn who_did_not_answer_gets_the_next_letter_in_its_time() {
        let due = ask(&[taken(State::Accepted)], &Came::default(), |_| {});
        let at = "2025-09-22T08:30:00Z".parse().unwrap();
        assert_eq!(due, Next::Letter { step: 2, due: at, put_off_by: None });
        let last = ask(&[taken(State::Accepted); 2], &Came::default(), |_| {});
        assert!(matches!(last, Next::Letter { step: 3, .. }), "{last:?}");
        assert_eq!(reason(ask(&[taken(State::Accepted); 3], &Came::default(), |_| {})), Reason::Completed);
    }

    #[test]
    fn an_absence_with_a_day_moves_the_letter_to_the_next_working_day_after_it() {
        let away = Came { until: Some(date(2025, 9, 27)), auto_replied: true, ..Came::default() };
        let Next::Letter { due, put_off_by, .. } = ask(&[taken(State::Accepted)], &away, |_| {}) else {
            panic!("held")
        };
        assert_eq!(due.to_string(), "2025-09-29T08:30:00Z", "the 27th is a Saturday");
        assert_eq!(put_off_by, away.until);
        let early = Came { until: Some(date(2025, 9, 10)), ..away };
        assert!(matches!(
            ask(&[taken(State::Accepted)], &early, |_| {}),
            Next::Letter { put_off_by: None, .. }
        ));
    }

    #[test]
    fn nobody_gets_one_who_should_not() {
        let sent = [taken(State::Accepted)];
        let stopped = |stop| Came { stop: Some(stop), ..Came::default() };
        assert_eq!(reason(ask(&sent, &stopped(Stop::Replied), |_| {})), Reason::Replied);
        assert_eq!(reason(ask(&sent, &stopped(Stop::OptedOut), |_| {})), Reason::OptedOut);
        assert_eq!(reason(ask(&sent, &stopped(Stop::Complained), |_| {})), Reason::Complained);
        assert_eq!(reason(ask(&sent, &stopped(Stop::Bounced), |_| {})), Reason::Bounced);
        let colleague = Came { answered_by: Some("VVD".to_owned()), ..stopped(Stop::Replied) };
        assert_eq!(reason(ask(&sent, &colleague, |_| {})), Reason::ColleagueReplied("VVD".to_owned()));
        let review = Came { review: true, ..Came::default() };
        assert_eq!(reason(ask(&sent, &review, |_| {})), Reason::Review);
        let theirs = Came { colleague_under_review: true, ..Came::default() };
        assert_eq!(reason(ask(&sent, &theirs, |_| {})), Reason::ColleagueUnderReview);
        let plain = Came::default();
        assert_eq!(reason(ask(&sent, &plain, |facts| facts.suppressed = true)), Reason::Suppressed);
        assert_eq!(reason(ask(&sent, &plain, |facts| facts.on_hold = true)), Reason::OnHold);
        assert_eq!(reason(ask(&sent, &plain, |facts| facts.on_roster = false)), Reason::OffRoster);
        assert_eq!(reason(ask(&sent, &plain, |facts| facts.by_hand = true)), Reason::ByHand);
        for (state, why) in [
            (State::Queued, Reason::Queued(1)),
            (State::InFlight, Reason::Queued(1)),
            (State::InDoubt, Reason::InDoubt),
            (State::Bounced, Reason::Bounced),
            (State::Refused, Reason::NotSent),
            (State::Expired, Reason::NotSent),
            (State::Cancelled, Reason::NotSent),
            (State::Lapsed, Reason::NotSent),
            (State::Task, Reason::ByHand),
            (State::Done, Reason::ByHand),
        ] {
            assert_eq!(reason(ask(&[taken(state)], &plain, |_| {})), why, "{state}");
        }
        assert_eq!(reason(ask(&[], &plain, |_| {})), Reason::NotBegun);
    }

    #[test]
    fn one_exception_from_an_answer_can_be_made_and_none_from_a_wish_for_no_more_letters() {
        let answered = Came { stop: Some(Stop::Replied), ..Came::default() };
        let despite = |facts: &mut Facts<'_>| facts.despite_reply = true;
        assert!(matches!(ask(&[taken(State::Accepted)], &answered, despite), Next::Letter { .. }));
        let wish = Came { stop: Some(Stop::OptedOut), ..Came::default() };
        assert_eq!(reason(ask(&[taken(State::Accepted)], &wish, despite)), Reason::OptedOut);
    }

    #[test]
    fn nothing_comes_after_the_last_day_or_against_a_condition() {
        let late = ask(&[taken(State::Accepted)], &Came::default(), |facts| {
            facts.deadline = Some(date(2025, 9, 21));
        });
        assert_eq!(reason(late), Reason::TooLate(date(2025, 9, 21)));
        let in_time = ask(&[taken(State::Accepted)], &Came::default(), |facts| {
            facts.deadline = Some(date(2025, 9, 22));
        });
        assert!(matches!(in_time, Next::Letter { .. }));
        let mut rules = rules();
        rules[1].not_after = Some(date(2025, 9, 15));
        let late = ask_by(&[taken(State::Accepted)], &Came::default(), &rules, |_| {});
        assert_eq!(reason(late), Reason::TooLate(date(2025, 9, 15)));
        rules[1].not_after = None;
        rules[1].unless = vec!["fractie = nee".parse::<Condition>().unwrap()];
        let left_out = ask_by(&[taken(State::Accepted)], &Came::default(), &rules, |_| {});
        assert_eq!(reason(left_out), Reason::Condition("fractie = nee".to_owned()));
    }
}
