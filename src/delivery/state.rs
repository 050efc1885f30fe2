//! The state machine of a delivery. The table in `ARCHITECTURE.md` is compared with [`TABLE`] by a test.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::judgement::{Judgement, Verdict};
use super::retry::RetryPolicy;

/// Where one delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Waits for its turn, not before a time that the ledger keeps.
    Queued,
    /// A worker holds it.
    InFlight,
    /// The relay took responsibility.
    Accepted,
    /// The relay said no, at once.
    Refused,
    /// Deferred until no attempts were left.
    Expired,
    /// The line broke after end-of-data: neither sent nor unsent.
    InDoubt,
    /// A report said no, afterwards.
    Bounced,
    /// Will not be sent: cancelled, suppressed, or the organisation replied.
    Cancelled,
    /// Not sent before the deadline.
    Lapsed,
    /// For a person to do: the recipient takes no mail.
    Task,
    /// Done by a person.
    Done,
}

impl State {
    /// Every state, in the order of the summary.
    pub const ALL: [State; 11] = [
        State::Queued,
        State::InFlight,
        State::Accepted,
        State::Refused,
        State::Bounced,
        State::Expired,
        State::InDoubt,
        State::Cancelled,
        State::Lapsed,
        State::Task,
        State::Done,
    ];

    /// Returns whether a letter has ended without arriving, so that a corrected address gets one of its own.
    pub fn did_not_arrive(self) -> bool {
        matches!(self, State::Refused | State::Bounced | State::Expired)
    }

    /// Returns the name that logs and JSON use.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::InFlight => "in-flight",
            State::Accepted => "accepted",
            State::Refused => "refused",
            State::Expired => "expired",
            State::InDoubt => "in-doubt",
            State::Bounced => "bounced",
            State::Cancelled => "cancelled",
            State::Lapsed => "lapsed",
            State::Task => "task",
            State::Done => "done",
        }
    }

    /// Returns the name in JSON, the same as its count's: `in_doubt`.
    pub fn key(self) -> &'static str {
        match self {
            State::InFlight => "in_flight",
            State::InDoubt => "in_doubt",
            other => other.name(),
        }
    }

    /// Returns the number the ledger stores. Numbers are never reused.
    pub fn code(self) -> i64 {
        match self {
            State::Queued => 0,
            State::InFlight => 1,
            State::Accepted => 2,
            State::Refused => 3,
            State::Expired => 4,
            State::InDoubt => 5,
            State::Bounced => 6,
            State::Cancelled => 7,
            State::Lapsed => 8,
            State::Task => 9,
            State::Done => 10,
        }
    }

    /// Returns the state of a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can happen to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A worker took it.
    Claimed,
    /// The worker gave it back before anything was attempted.
    GivenBack,
    /// An attempt ended and was judged.
    Ended(Judgement),
    /// The worker is gone; end-of-data had not been noted.
    LeaseEnded,
    /// The worker is gone; end-of-data had been noted.
    LeaseEndedAfterDot,
    /// Evidence that it went out: a person says so, or the Sent folder, a bounce, a reply.
    ProvedSent,
    /// A person says that it did not go out.
    ProvedUnsent,
    /// Campaign cancelled, recipient suppressed, or the organisation replied.
    Withdrawn,
    /// A bounce names it: it did not arrive.
    CameBack,
    /// The deadline has passed.
    DeadlinePassed,
    /// The deadline was moved to a later day.
    DeadlineMoved,
    /// A person did it.
    DoneByHand,
    /// A person takes that back.
    NotDone,
}

/// A move that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {from} cannot take {event}")]
pub struct IllegalMove {
    /// The state it was in.
    pub from: State,
    /// What was said to have happened.
    pub event: String,
}

/// Where a delivery stands after an event, and when it may be claimed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The new state.
    pub to: State,
    /// For [`State::Queued`]: not before this instant.
    pub not_before: Option<Timestamp>,
    /// Whether the attempt counts against the number of attempts.
    pub counts: bool,
}

impl State {
    /// Returns where `event` leads at `now`, for a delivery whose counted attempts, this one included, are `attempts`.
    ///
    /// # Errors
    /// [`IllegalMove`] for every pair that the table does not have.
    pub fn on(
        self,
        event: &Event,
        attempts: u32,
        now: Timestamp,
        retry: &RetryPolicy,
    ) -> Result<Move, IllegalMove> {
        use State as S;
        let to = |to| Ok(Move { to, not_before: None, counts: true });
        let again = |wait: Duration, counts| {
            let not_before = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
            Ok(Move { to: S::Queued, not_before: Some(not_before), counts })
        };
        match (self, event) {
            (S::Queued, Event::Claimed) => to(S::InFlight),
            (S::Queued | S::Task | S::Lapsed, Event::Withdrawn) => to(S::Cancelled),
            (S::Queued, Event::DeadlinePassed) => to(S::Lapsed),
            (S::Lapsed, Event::DeadlineMoved) => again(Duration::ZERO, false),
            (S::Task, Event::DoneByHand) => to(S::Done),
            (S::Done, Event::NotDone) => to(S::Task),
            (S::InFlight, Event::Ended(judged)) => match judged.verdict {
                Verdict::Accepted => to(S::Accepted),
                Verdict::TryLater => match retry.wait_after(attempts, judged.wait) {
                    Some(wait) => again(wait, true),
                    None => to(S::Expired),
                },
                Verdict::BadRecipient | Verdict::BadMessage => to(S::Refused),
                Verdict::InDoubt => to(S::InDoubt),
                Verdict::Reconnect => again(judged.wait.unwrap_or_default(), false),
                Verdict::SlowDown | Verdict::PauseAccount | Verdict::Login | Verdict::Stop => {
                    again(Duration::ZERO, false)
                }
            },
            (S::InFlight, Event::GivenBack | Event::LeaseEnded) => again(Duration::ZERO, false),
            (S::InFlight, Event::LeaseEndedAfterDot) => to(S::InDoubt),
            (S::InDoubt, Event::ProvedSent) => to(S::Accepted),
            (S::InDoubt, Event::ProvedUnsent) => again(Duration::ZERO, false),
            (S::Accepted | S::InDoubt, Event::CameBack) => to(S::Bounced),
            (from, event) => {
                let event = format!("{event:?}");
                Err(IllegalMove { from, event })
            }
        }
    }
}

/// The lawful moves, as documented: from, event, to.
pub const TABLE: &[(State, &str, State)] = &[
    (State::Queued, "claimed by a worker", State::InFlight),
    (State::Queued, "campaign cancelled, recipient suppressed, organisation replied", State::Cancelled),
    (State::Queued, "the deadline has passed", State::Lapsed),
    (State::Lapsed, "the deadline was moved", State::Queued),
    (State::Lapsed, "campaign cancelled", State::Cancelled),
    (State::InFlight, "accepted (2yz to end-of-data)", State::Accepted),
    (State::InFlight, "deferred, attempts left", State::Queued),
    (State::InFlight, "deferred, none left", State::Expired),
    (State::InFlight, "refused, blame recipient or message", State::Refused),
    (State::InFlight, "refused, blame relay or sender; attempt not counted", State::Queued),
    (State::InFlight, "line broke after end-of-data", State::InDoubt),
    (State::InFlight, "lease ran out, end-of-data not yet noted", State::Queued),
    (State::InFlight, "lease ran out, end-of-data had been noted", State::InDoubt),
    (State::InDoubt, "evidence that it went out", State::Accepted),
    (State::InDoubt, "evidence that it did not (a person says so)", State::Queued),
    (State::Accepted, "a bounce names it", State::Bounced),
    (State::InDoubt, "a bounce names it", State::Bounced),
    (State::Task, "a person did it", State::Done),
    (State::Task, "campaign cancelled, organisation replied", State::Cancelled),
    (State::Done, "a person takes that back", State::Task),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdict: Verdict) -> Event {
        Event::Ended(Judgement { verdict, wait: None, because: String::new() })
    }

    fn every_event() -> Vec<Event> {
        use Verdict as V;
        let verdicts = [
            V::Accepted,
            V::TryLater,
            V::Reconnect,
            V::SlowDown,
            V::PauseAccount,
            V::Login,
            V::Stop,
            V::BadRecipient,
            V::BadMessage,
            V::InDoubt,
        ];
        let mut events: Vec<Event> = verdicts.into_iter().map(judged).collect();
        events.extend([
            Event::Claimed,
            Event::GivenBack,
            Event::LeaseEnded,
            Event::LeaseEndedAfterDot,
            Event::ProvedSent,
            Event::ProvedUnsent,
            Event::Withdrawn,
            Event::CameBack,
            Event::DeadlinePassed,
            Event::DeadlineMoved,
            Event::DoneByHand,
            Event::NotDone,
        ]);
        events
    }

    #[test]
    fn the_machine_makes_exactly_the_moves_of_the_table() {
        let retry = RetryPolicy::default();
        let mut made = std::collections::BTreeSet::new();
        for from in State::ALL {
            for event in every_event() {
                for attempts in [1, u32::MAX] {
                    if let Ok(moved) = from.on(&event, attempts, Timestamp::UNIX_EPOCH, &retry) {
                        made.insert((from.name(), moved.to.name()));
                    }
                }
            }
        }
        let told: std::collections::BTreeSet<_> =
            TABLE.iter().map(|(from, _, to)| (from.name(), to.name())).collect();
        assert_eq!(made, told);
    }

    #[test]
    fn there_is_no_way_out_of_doubt_without_evidence() {
        for event in every_event() {
            let moved = State::InDoubt.on(&event, 1, Timestamp::UNIX_EPOCH, &RetryPolicy::default());
            let evidence = matches!(event, Event::ProvedSent | Event::ProvedUnsent | Event::CameBack);
            assert_eq!(moved.is_ok(), evidence, "{event:?}");
        }
    }

    #[test]
    fn nothing_enters_in_flight_except_from_queued() {
        for from in State::ALL {
            let moved = from.on(&Event::Claimed, 1, Timestamp::UNIX_EPOCH, &RetryPolicy::default());
            assert_eq!(moved.is_ok(), from == State::Queued);
        }
    }

    #[test]
    fn a_refusal_that_is_not_about_the_recipient_costs_no_attempt() {
        for verdict in [Verdict::Login, Verdict::PauseAccount, Verdict::SlowDown, Verdict::Stop] {
            let moved = State::InFlight
                .on(&judged(verdict), 1, Timestamp::UNIX_EPOCH, &RetryPolicy::default())
                .unwrap();
            assert_eq!((moved.to, moved.counts), (State::Queued, false));
        }
    }

    #[test]
    fn stored_numbers_come_back() {
        for state in State::ALL {
            assert_eq!(State::from_code(state.code()), Some(state));
        }
        assert_eq!(State::from_code(99), None);
    }
}
