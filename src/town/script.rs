//! Who lives in the town, and what they do with a letter: what the script tells of a person, and for all others chance, which is
//! the same each time for the same seed.

use std::time::Duration;

use ring::digest::{SHA256, digest};

/// What somebody does with a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Habit {
    /// Takes it and never says anything.
    Nothing,
    /// A person answers, in the same thread.
    Answers,
    /// A colleague answers, from another address of the organisation.
    ColleagueAnswers,
    /// A person passes it on to a private address and answers from there, quoting it.
    AnswersFromHome,
    /// A person writes a new message instead of answering: nothing ties it to the letter but who wrote.
    AnswersAnew,
    /// A machine says that they are away.
    Away,
    /// The same, from the postmaster, as Exchange does.
    AwaySaysPostmaster,
    /// A machine says that the letter has come in.
    Acknowledges,
    /// Wants no more letters.
    OptsOut,
    /// Calls the letter spam (RFC 5965).
    Complains,
    /// The letter is taken and comes back: the address does not exist (RFC 3464).
    Bounces,
    /// The letter is taken and comes back: the mailbox is full.
    BouncesFull,
    /// The address is refused at once: 550 5.1.1.
    Refuses,
    /// The mailbox is full: 452 4.2.2, so many times.
    Full,
    /// Comes back later, please: 451 4.7.1, so many times (greylisting).
    Greylists,
    /// The line drops after the final dot, and the letter is there.
    DropsTheLine,
    /// The line drops after the final dot, and the letter is lost.
    LosesTheLetter,
}

impl Habit {
    /// Every habit, with its word.
    pub const WORDS: [(Habit, &str); 17] = [
        (Habit::Nothing, "nothing"),
        (Habit::Answers, "answers"),
        (Habit::ColleagueAnswers, "colleague-answers"),
        (Habit::AnswersFromHome, "answers-from-home"),
        (Habit::AnswersAnew, "answers-anew"),
        (Habit::Away, "away"),
        (Habit::AwaySaysPostmaster, "away-says-postmaster"),
        (Habit::Acknowledges, "acknowledges"),
        (Habit::OptsOut, "opts-out"),
        (Habit::Complains, "complains"),
        (Habit::Bounces, "bounces"),
        (Habit::BouncesFull, "bounces-full"),
        (Habit::Refuses, "refuses"),
        (Habit::Full, "full"),
        (Habit::Greylists, "greylists"),
        (Habit::DropsTheLine, "drops-the-line"),
        (Habit::LosesTheLetter, "loses-the-letter"),
    ];

    /// Returns the habit of a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, name)| *name == word).map(|(habit, _)| *habit)
    }

    /// Returns its word.
    pub fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(habit, _)| *habit == self).map_or("", |(_, name)| name)
    }

    /// Says of somebody that it happened: `3 answered`.
    pub fn told(self) -> &'static str {
        match self {
            Habit::Answers => "answered",
            Habit::ColleagueAnswers => "answered through a colleague",
            Habit::AnswersFromHome => "answered from a private address",
            Habit::AnswersAnew => "wrote a new message",
            Habit::Away => "away",
            Habit::AwaySaysPostmaster => "away (says the postmaster)",
            Habit::Acknowledges => "acknowledged by a machine",
            Habit::OptsOut => "opted out",
            Habit::Complains => "called it spam",
            Habit::Bounces => "came back (no such address)",
            Habit::BouncesFull => "came back (mailbox full)",
            Habit::Nothing
            | Habit::Refuses
            | Habit::Full
            | Habit::Greylists
            | Habit::DropsTheLine
            | Habit::LosesTheLetter => "said nothing",
        }
    }

    /// Whether the letter itself meets with something, as against what comes back afterwards.
    pub fn is_at_the_door(self) -> bool {
        matches!(
            self,
            Habit::Refuses | Habit::Full | Habit::Greylists | Habit::DropsTheLine | Habit::LosesTheLetter
        )
    }

    /// Whether a person does it, in office hours.
    pub fn is_a_persons(self) -> bool {
        matches!(
            self,
            Habit::Answers
                | Habit::ColleagueAnswers
                | Habit::AnswersFromHome
                | Habit::AnswersAnew
                | Habit::OptsOut
                | Habit::Complains
        )
    }

    /// Whether nobody may write any more once it was read: not to the person, and to nobody of the organisation either where it
    /// answers.
    pub fn is_an_answer(self) -> bool {
        self.is_a_persons()
    }

    /// Whether it speaks for the organisation.
    pub fn is_for_all(self) -> bool {
        self.is_an_answer() && !matches!(self, Habit::OptsOut | Habit::Complains)
    }

    /// Returns between which spans it happens after the letter came, where nobody says when.
    fn usual(self) -> (Duration, Duration) {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        match self {
            Habit::Answers | Habit::AnswersAnew => (hours(2), hours(9 * 24)),
            Habit::ColleagueAnswers | Habit::AnswersFromHome => (hours(20), hours(12 * 24)),
            Habit::OptsOut | Habit::Complains => (minutes(20), hours(3 * 24)),
            Habit::BouncesFull => (hours(5), hours(5 * 24)),
            Habit::Bounces => (Duration::from_secs(20), minutes(45)),
            _ => (Duration::from_secs(3), Duration::from_secs(90)),
        }
    }
}

/// What somebody does with one of the letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// With which letter of the sequence, from 1.
    pub letter: u32,
    /// What.
    pub habit: Habit,
    /// How long after the letter came; by chance without. A person waits for office hours besides.
    pub after: Option<Duration>,
    /// In their own words; in ours without.
    pub text: Option<String>,
    /// At the door: so many times, from 1.
    pub times: u32,
    /// Of an absence: back so many days later. Without, the message does not say when.
    pub back_after: Option<u32>,
    /// Whether an automatic answer says what it answers (In-Reply-To).
    pub threaded: bool,
}

impl Deed {
    /// Does that with that letter, as is usual.
    pub fn usual(letter: u32, habit: Habit) -> Self {
        Self { letter, habit, after: None, text: None, times: 1, back_after: None, threaded: true }
    }
}

/// What is told of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The recipient's key.
    pub key: String,
    /// What they do.
    pub deed: Deed,
}

/// Who lives in the town.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where chance begins.
    pub seed: u64,
    /// The people of whom something is told, in any order, each as often as needed.
    pub people: Vec<Person>,
    /// What the others do with each letter: by chance, in these proportions.
    pub others: Vec<(Habit, u32)>,
}

impl Default for Script {
    /// A town as towns are: most say nothing.
    fn default() -> Self {
        Self {
            seed: 1,
            people: Vec::new(),
            others: vec![
                (Habit::Nothing, 44),
                (Habit::Answers, 16),
                (Habit::ColleagueAnswers, 4),
                (Habit::AnswersFromHome, 2),
                (Habit::AnswersAnew, 2),
                (Habit::Away, 6),
                (Habit::AwaySaysPostmaster, 2),
                (Habit::Acknowledges, 8),
                (Habit::OptsOut, 2),
                (Habit::Complains, 1),
                (Habit::Bounces, 3),
                (Habit::BouncesFull, 2),
                (Habit::Refuses, 2),
                (Habit::Full, 1),
                (Habit::Greylists, 4),
                (Habit::DropsTheLine, 1),
            ],
        }
    }
}

impl Script {
    /// Returns what somebody does with one of the letters: all that is told of them, or else one thing by chance.
    pub fn deeds(&self, key: &str, letter: u32) -> Vec<Deed> {
        let mut told = self.people.iter().filter(|person| person.key == key).peekable();
        if told.peek().is_some() {
            return told.map(|person| person.deed.clone()).filter(|deed| deed.letter == letter).collect();
        }
        let whole: u64 = self.others.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut at = self.below(whole, key, letter, "habit");
        for (habit, weight) in &self.others {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => {
                    let mut deed = Deed::usual(letter, *habit);
                    deed.times = 1 + u32::try_from(self.below(2, key, letter, "times")).unwrap_or(0);
                    deed.threaded = self.below(3, key, letter, "threaded") > 0;
                    let away = self.below(4, key, letter, "away");
                    deed.back_after = (away > 0).then(|| 2 + u32::try_from(away * 5).unwrap_or(0));
                    return vec![deed];
                }
            }
        }
        Vec::new()
    }

    /// Returns how long after the letter a deed is done.
    pub fn after(&self, key: &str, deed: &Deed) -> Duration {
        deed.after.unwrap_or_else(|| {
            let (least, most) = deed.habit.usual();
            let span = (most - least).as_secs();
            least + Duration::from_secs(self.below(span, key, deed.letter, "after"))
        })
    }

    /// Returns a number below `bound` (0 for none) that only depends on the seed and on what it is for.
    pub fn below(&self, bound: u64, key: &str, letter: u32, what: &str) -> u64 {
        let said = format!("{} {letter} {what} {key}", self.seed);
        let mut first = [0; 8];
        first.copy_from_slice(&digest(&SHA256, said.as_bytes()).as_ref()[..8]);
        u64::from_be_bytes(first).checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_whom_something_is_told_nothing_else_happens() {
        let person =
            |key: &str, letter, habit| Person { key: key.to_owned(), deed: Deed::usual(letter, habit) };
        let script = Script {
            people: vec![
                person("ada", 1, Habit::Greylists),
                person("ada", 2, Habit::Answers),
                person("ada", 1, Habit::Away),
            ],
            ..Script::default()
        };
        let habits = |letter| script.deeds("ada", letter).iter().map(|deed| deed.habit).collect::<Vec<_>>();
        assert_eq!(habits(1), [Habit::Greylists, Habit::Away]);
        assert_eq!(habits(2), [Habit::Answers]);
        assert_eq!(habits(3), []);
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_keeps_the_proportions() {
        let town = |seed| Script { seed, ..Script::default() };
        let all =
            |seed| (0..1000).map(|n| town(seed).deeds(&format!("key {n}"), 1)[0].clone()).collect::<Vec<_>>();
        assert_eq!(all(7), all(7));
        assert_ne!(all(7), all(8));
        let silent = all(7).iter().filter(|deed| deed.habit == Habit::Nothing).count();
        assert!((380..500).contains(&silent), "{silent} of 1000 say nothing");
        let nobody = Script { others: vec![], ..Script::default() };
        assert_eq!(nobody.deeds("ada", 1), []);
    }

    #[test]
    fn every_habit_has_a_word_of_its_own() {
        for (habit, word) in Habit::WORDS {
            assert_eq!((Habit::named(word), habit.name()), (Some(habit), word));
        }
    }
}
