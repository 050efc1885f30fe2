//! How a recipient stands with the campaign: one word for people and for other programs.

use super::state::State;

/// One recipient's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A letter waits for its turn.
    Queued,
    /// A letter is on its way to the relay at this moment.
    InFlight,
    /// The relay took the letter; nobody has answered yet.
    AwaitingReply,
    /// The relay said no.
    Refused,
    /// A report said no, afterwards.
    Bounced,
    /// The relay put the letter off until no attempts were left.
    Expired,
    /// The letter may or may not have gone out: a person must say.
    InDoubt,
    /// On the suppression list.
    Suppressed,
    /// The letter was withdrawn before it went.
    Cancelled,
    /// Not sent before the deadline.
    Lapsed,
    /// For a person to do.
    Task,
    /// Done by a person.
    Done,
    /// The row is no longer in the roster, so the letter that was queued is held back.
    OffRoster,
}

impl Standing {
    /// Returns the standing that follows from the state of the latest delivery.
    pub fn of(state: State, suppressed: bool, on_roster: bool) -> Self {
        match state {
            State::Queued | State::Task | State::Cancelled if suppressed => Standing::Suppressed,
            State::Queued if !on_roster => Standing::OffRoster,
            State::Queued => Standing::Queued,
            State::InFlight => Standing::InFlight,
            State::Accepted => Standing::AwaitingReply,
            State::Refused => Standing::Refused,
            State::Bounced => Standing::Bounced,
            State::Expired => Standing::Expired,
            State::InDoubt => Standing::InDoubt,
            State::Cancelled => Standing::Cancelled,
            State::Lapsed => Standing::Lapsed,
            State::Task if !on_roster => Standing::OffRoster,
            State::Task => Standing::Task,
            State::Done => Standing::Done,
        }
    }

    /// Returns the word.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Queued => "queued",
            Standing::InFlight => "in-flight",
            Standing::AwaitingReply => "awaiting-reply",
            Standing::Refused => "refused",
            Standing::Bounced => "bounced",
            Standing::Expired => "expired",
            Standing::InDoubt => "in-doubt",
            Standing::Suppressed => "suppressed",
            Standing::Cancelled => "cancelled",
            Standing::Lapsed => "lapsed",
            Standing::Task => "task",
            Standing::Done => "done",
            Standing::OffRoster => "off-roster",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppression_and_the_roster_matter_only_for_what_has_not_gone() {
        assert_eq!(Standing::of(State::Queued, true, true), Standing::Suppressed);
        assert_eq!(Standing::of(State::Cancelled, true, true), Standing::Suppressed);
        assert_eq!(Standing::of(State::Queued, false, false), Standing::OffRoster);
        for state in State::ALL {
            let standing = Standing::of(state, true, false);
            assert_eq!(
                standing == Standing::Suppressed,
                matches!(state, State::Queued | State::Task | State::Cancelled),
                "{standing:?}"
            );
        }
    }
}
