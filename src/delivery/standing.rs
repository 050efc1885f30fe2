//! How a recipient stands with the campaign: one word for people and for other programs.

use jiff::Timestamp;
use jiff::civil::Date;

use super::inbound::Stop;
use super::state::State;

/// What came back from one recipient, as far as it decides how the recipient stands.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Came {
    /// What the next letters are stopped for; an answer of a colleague counts.
    pub stop: Option<Stop>,
    /// What they are stopped for beside an answer: a wish for no more letters, a complaint, a bounce.
    pub beside_answer: Option<Stop>,
    /// The colleague whose answer it was.
    pub answered_by: Option<String>,
    /// Whether something of theirs waits for a person.
    pub review: bool,
    /// Whether something of a colleague's waits for a person, so that the organisation's next letters wait.
    pub colleague_under_review: bool,
    /// Whether a machine answered.
    pub auto_replied: bool,
    /// The last day of return that an absence told.
    pub until: Option<Date>,
    /// What came last: when, and in words.
    pub last: Option<(Timestamp, String)>,
}

/// One recipient's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A letter waits for its turn.
    Queued,
    /// A letter is on its way to the relay at this moment.
    InFlight,
    /// The relay took the letter; nobody has answered yet.
    AwaitingReply,
    /// The organisation answered.
    Replied,
    /// A machine answered, and nobody else yet.
    AutoReplied,
    /// They want no more letters.
    OptedOut,
    /// They call it spam.
    Complained,
    /// Something came back that a person must judge.
    Review,
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
    /// Returns the standing that follows from the state of the latest delivery and from what came back.
    pub fn of(state: State, suppressed: bool, on_roster: bool, came: &Came) -> Self {
        match came.stop {
            Some(Stop::Replied) => return Standing::Replied,
            Some(Stop::OptedOut) => return Standing::OptedOut,
            Some(Stop::Complained) => return Standing::Complained,
            Some(Stop::Bounced) | None => {}
        }
        match state {
            _ if came.review => Standing::Review,
            State::Queued | State::Task | State::Cancelled if suppressed => Standing::Suppressed,
            State::Queued if !on_roster => Standing::OffRoster,
            State::Queued => Standing::Queued,
            State::InFlight => Standing::InFlight,
            State::Accepted if came.auto_replied => Standing::AutoReplied,
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
            Standing::Replied => "replied",
            Standing::AutoReplied => "auto-replied",
            Standing::OptedOut => "opted-out",
            Standing::Complained => "complained",
            Standing::Review => "review",
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

    fn of(state: State, suppressed: bool, on_roster: bool) -> Standing {
        Standing::of(state, suppressed, on_roster, &Came::default())
    }

    #[test]
    fn suppression_and_the_roster_matter_only_for_what_has_not_gone() {
        assert_eq!(of(State::Queued, true, true), Standing::Suppressed);
        assert_eq!(of(State::Cancelled, true, true), Standing::Suppressed);
        assert_eq!(of(State::Queued, false, false), Standing::OffRoster);
        for state in State::ALL {
            let standing = of(state, true, false);
            assert_eq!(
                standing == Standing::Suppressed,
                matches!(state, State::Queued | State::Task | State::Cancelled),
                "{standing:?}"
            );
        }
    }

    #[test]
    fn an_answer_says_more_than_the_state_of_a_letter() {
        let came = |stop| Came { stop: Some(stop), auto_replied: true, review: true, ..Came::default() };
        for state in State::ALL {
            assert_eq!(Standing::of(state, true, true, &came(Stop::Replied)), Standing::Replied);
            assert_eq!(Standing::of(state, true, true, &came(Stop::OptedOut)), Standing::OptedOut);
            assert_eq!(Standing::of(state, true, true, &came(Stop::Complained)), Standing::Complained);
        }
        let machine = Came { auto_replied: true, ..Came::default() };
        assert_eq!(Standing::of(State::Accepted, false, true, &machine), Standing::AutoReplied);
        assert_eq!(Standing::of(State::Bounced, false, true, &machine), Standing::Bounced);
        let asked = Came { review: true, ..machine };
        assert_eq!(Standing::of(State::Accepted, false, true, &asked), Standing::Review);
        let colleague = Came { colleague_under_review: true, ..Came::default() };
        assert_eq!(Standing::of(State::Accepted, false, true, &colleague), Standing::AwaitingReply);
    }
}
