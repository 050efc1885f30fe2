//! `rehearsal.toml`: who lives in the town of a rehearsal, and what they do. The comments here are the reference that users read.

use std::path::Path;
use std::time::Duration;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::check::{Document, shown};
use super::reference::schema_of;
use super::words;
use crate::campaign::day::day;
use crate::campaign::headings::nearest;
use crate::campaign::problem::{Place, Problem, Problems};
use crate::town::script::{Deed, Habit, Person, Script};

pub use super::inbox::LARGEST;

/// The name of the file.
pub const FILE: &str = "rehearsal.toml";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rehearsal {
    /// The day on which the rehearsal begins, where it says one.
    pub begin: Option<Date>,
    /// Who does what.
    pub script: Script,
}

/// The keys of the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Raw {
    /// Where chance begins: with the same number, the same people do the same. Default: 1; `--seed` goes before it.
    #[schemars(extend("minimum" = 0, "maximum" = 4_294_967_295_u32))]
    pub seed: Option<u64>,
    /// The day on which the rehearsal begins, such as `2025-09-08`; `--begin` goes before it. Default: today, at this hour.
    #[schemars(extend("format" = "date"))]
    pub begin: Option<String>,
    /// What one person does with one letter; several tables for one person are several things they do. Of whom nothing is told here,
    /// chance decides.
    pub person: Vec<RawPerson>,
    /// What all others do with a letter: one thing by chance, in the proportions of these numbers. Without this table, about half say
    /// nothing.
    pub others: Option<RawOthers>,
}

/// `[[person]]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawPerson {
    /// The recipient's key, as in the roster. Required.
    pub key: Option<String>,
    /// With which letter of the sequence. Default: 1, the first.
    #[schemars(extend("minimum" = 1, "maximum" = 100))]
    pub letter: Option<u32>,
    /// What they do: say `nothing`; answer themselves (`answers`), through a colleague, from a private address, or with a new message that
    /// nothing ties to the letter; let a machine say that they are `away` (some servers say it as the postmaster) or that the letter
    /// came in; opt out; call it spam. Or the letter comes back (`bounces`, `bounces-full`), or is not let in: refused, `full` or `greylists`
    /// so many times, or the line drops behind it, with the letter or without. Required.
    #[schemars(extend("enum" = WORDS))]
    pub does: Option<String>,
    /// How long after the letter came; a person besides waits for office hours. Without it, chance decides.
    pub after: Option<String>,
    /// In which words. Without it, in the program's own.
    pub text: Option<String>,
    /// `full`, `greylists`, `drops-the-line`, `loses-the-letter`: so many times. Default: 1.
    #[schemars(extend("minimum" = 1, "maximum" = 1000))]
    pub times: Option<u32>,
    /// `away`, `away-says-postmaster`: back after so many days, or the next working day. Without it, the message does not say when.
    #[schemars(extend("minimum" = 1, "maximum" = 365))]
    pub back_after_days: Option<u32>,
    /// `away`, `away-says-postmaster`, `acknowledges`: whether the message says what it answers (In-Reply-To). Default: `true`.
    pub threaded: Option<bool>,
}

/// What `does` may say, in the order of [`Habit::WORDS`].
const WORDS: [&str; 17] = {
    let mut words = [""; 17];
    let mut at = 0;
    while at < words.len() {
        words[at] = Habit::WORDS[at].1;
        at += 1;
    }
    words
};

/// `[others]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RawOthers {
    /// So many say nothing.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub nothing: Option<u32>,
    /// So many answer.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub answers: Option<u32>,
    /// For so many a colleague answers.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub colleague_answers: Option<u32>,
    /// So many answer from a private address.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub answers_from_home: Option<u32>,
    /// So many write a new message, which a person must judge.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub answers_anew: Option<u32>,
    /// So many are away.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub away: Option<u32>,
    /// So many are away, and their postmaster says it.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub away_says_postmaster: Option<u32>,
    /// So many have a machine that says that the letter came in.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub acknowledges: Option<u32>,
    /// So many want no more letters.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub opts_out: Option<u32>,
    /// So many call it spam.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub complains: Option<u32>,
    /// To so many it comes back, since the address does not exist.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub bounces: Option<u32>,
    /// To so many it comes back, since the mailbox is full.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub bounces_full: Option<u32>,
    /// So many addresses are refused at once.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub refuses: Option<u32>,
    /// So many mailboxes are full for a while.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub full: Option<u32>,
    /// So many servers want to be asked again.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub greylists: Option<u32>,
    /// With so many the line drops behind the letter, which is there.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub drops_the_line: Option<u32>,
    /// With so many the line drops behind the letter, which is not.
    #[schemars(extend("minimum" = 0, "maximum" = 1000))]
    pub loses_the_letter: Option<u32>,
}

impl RawOthers {
    fn settle(&self) -> Vec<(Habit, u32)> {
        let weights = [
            self.nothing,
            self.answers,
            self.colleague_answers,
            self.answers_from_home,
            self.answers_anew,
            self.away,
            self.away_says_postmaster,
            self.acknowledges,
            self.opts_out,
            self.complains,
            self.bounces,
            self.bounces_full,
            self.refuses,
            self.full,
            self.greylists,
            self.drops_the_line,
            self.loses_the_letter,
        ];
        let habits = Habit::WORDS.iter().map(|(habit, _)| *habit);
        habits
            .zip(weights)
            .filter_map(|(habit, weight)| Some((habit, weight.filter(|it| *it > 0)?)))
            .collect()
    }
}

/// Reads the file at `path`, which people know as `name`; `keys` are those of the roster. Every problem is told at once.
///
/// # Errors
/// What the system says, where the file cannot be read.
pub fn load(path: &Path, name: &str, keys: &[String], problems: &mut Problems) -> std::io::Result<Rehearsal> {
    Ok(read(&std::fs::read(path)?, name, keys, problems))
}

/// Reads the bytes of the file. With a problem in it, the script is of no use.
pub fn read(bytes: &[u8], name: &str, keys: &[String], problems: &mut Problems) -> Rehearsal {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let place = Place::file(name);
        problems.push(
            Problem::error("not-utf-8", place, "the file is not written in UTF-8").hint("save it as UTF-8"),
        );
        return Rehearsal::default();
    };
    let Some(document) = Document::parse(name, text.trim_start_matches('\u{FEFF}'), problems) else {
        return Rehearsal::default();
    };
    match document.accepted(&schema_of::<Raw>(), problems).try_into::<Raw>() {
        Ok(raw) => settle(&raw, &document, keys, problems),
        Err(error) => {
            problems.push(Problem::error("wrong-type", Place::file(name), error.message().to_owned()));
            Rehearsal::default()
        }
    }
}

fn settle(raw: &Raw, document: &Document<'_>, keys: &[String], problems: &mut Problems) -> Rehearsal {
    let begin = raw.begin.as_ref().and_then(|text| match day(text) {
        Ok(day) => Some(day),
        Err(why) => {
            let said = format!("`begin` cannot be `{}`: {why}", shown(text));
            let hint = "write a day such as `2025-09-08`";
            problems.push(Problem::error("wrong-day", document.place(&["begin"]), said).hint(hint));
            None
        }
    });
    let usual = Script::default();
    let mut people = Vec::new();
    for (nth, person) in raw.person.iter().enumerate() {
        let mut told = Vec::new();
        let settled = one(person, keys, &|key| document.item_has("person", nth, key), &mut told);
        let place = document.place_of_item(&["person"], nth);
        for (name, said, hint) in told {
            problems.push(Problem::error(name, place.clone(), said).hint(hint));
        }
        people.extend(settled);
    }
    let others = raw.others.as_ref().map_or(usual.others, RawOthers::settle);
    Rehearsal { begin, script: Script { seed: raw.seed.unwrap_or(usual.seed), people, others } }
}

/// The name of a problem, what is wrong, and what to do.
type Told = Vec<(&'static str, String, String)>;

/// Settles one table; `stands` says whether a key stands in it, perhaps with a wrong value, which was told already.
fn one(raw: &RawPerson, keys: &[String], stands: &dyn Fn(&str) -> bool, told: &mut Told) -> Option<Person> {
    let mut wrong = |name, said: String, hint: &str| told.push((name, said, hint.to_owned()));
    let key = raw.key.as_ref().map(|key| key.trim()).filter(|key| !key.is_empty());
    match key {
        None if raw.key.is_none() && stands("key") => {}
        None => wrong("missing-key", "`person.key` is missing".to_owned(), "name the recipient by the key"),
        Some(key) if !keys.iter().any(|known| known == key) => {
            let near = nearest(key, keys.iter().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
            wrong("unknown-recipient", format!("nobody in the roster has the key `{}`", shown(key)), &hint);
        }
        Some(_) => {}
    }
    let habit = raw.does.as_deref().and_then(Habit::named);
    if raw.does.is_none() && !stands("does") {
        wrong(
            "missing-key",
            "`person.does` is missing".to_owned(),
            "say what the person does, such as `answers`",
        );
    }
    let after = raw.after.as_ref().and_then(|text| {
        let read = span(text);
        if read.is_none() {
            let said = format!("`person.after` cannot be `{}`", shown(text));
            wrong(
                "wrong-time",
                said,
                "write a span such as \"20 min\", \"3 h\" or \"2 days\", at most a year",
            );
        }
        read
    });
    let (key, habit) = (key?, habit?);
    // Whatever has no meaning for what they do is a mistake about what it means.
    let is_away = matches!(habit, Habit::Away | Habit::AwaySaysPostmaster);
    let writes = !habit.is_at_the_door() && habit != Habit::Nothing;
    let in_words = writes && !matches!(habit, Habit::Complains | Habit::Bounces | Habit::BouncesFull);
    let counts = habit.is_at_the_door() && habit != Habit::Refuses;
    for (is_given, is_meant, name) in [
        (raw.after.is_some(), writes, "after"),
        (raw.text.is_some(), in_words, "text"),
        (raw.times.is_some(), counts, "times"),
        (raw.back_after_days.is_some(), is_away, "back-after-days"),
        (raw.threaded.is_some(), is_away || habit == Habit::Acknowledges, "threaded"),
    ] {
        if is_given && !is_meant {
            let said = format!("`person.{name}` means nothing beside `does = \"{}\"`", habit.name());
            wrong("unused-key", said, "take it away");
        }
    }
    Some(Person {
        key: key.to_owned(),
        deed: Deed {
            letter: raw.letter.unwrap_or(1),
            habit,
            after,
            text: raw.text.clone(),
            times: raw.times.unwrap_or(1),
            back_after: raw.back_after_days,
            threaded: raw.threaded.unwrap_or(true),
        },
    })
}

/// Reads a span as people tell it of people: the spans of `config.toml`, and `2 days`, `3 weeks`.
fn span(text: &str) -> Option<Duration> {
    const DAY: u64 = 86_400;
    let end = text.trim().find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.trim().split_at(end);
    let unit = match unit.trim().to_lowercase().as_str() {
        "d" | "day" | "days" | "dag" | "dagen" => DAY,
        "w" | "week" | "weeks" | "weken" => 7 * DAY,
        _ => return words::span(text),
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (seconds <= 366 * DAY).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<String> {
        ["D66", "VVD", "CDA"].map(str::to_owned).into()
    }

    fn problems(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        let _ = read(text.as_bytes(), FILE, &keys(), &mut problems);
        problems.sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_script_says_who_does_what() {
        let text = "seed = 7\nbegin = 2025-09-08\n[[person]]\nkey = \"D66\"\ndoes = \"away\"\nback-after-days = 9\nthreaded = false\n\
                    [[person]]\nkey = \"D66\"\nletter = 2\ndoes = \"answers\"\nafter = \"2 days\"\ntext = \"Ja.\"\n\
                    [others]\nnothing = 3\nanswers = 1\nopts-out = 0\n";
        let mut problems = Problems::default();
        let Rehearsal { begin, script } = read(text.as_bytes(), FILE, &keys(), &mut problems);
        assert_eq!(begin, Some(jiff::civil::date(2025, 9, 8)));
        assert!(problems.is_empty(), "{:?}", problems.sorted());
        let away = Deed { back_after: Some(9), threaded: false, ..Deed::usual(1, Habit::Away) };
        let answers = Deed {
            after: Some(Duration::from_secs(2 * 86_400)),
            text: Some("Ja.".to_owned()),
            ..Deed::usual(2, Habit::Answers)
        };
        let people = [away, answers].map(|deed| Person { key: "D66".to_owned(), deed });
        let others = vec![(Habit::Nothing, 3), (Habit::Answers, 1)];
        assert_eq!(script, Script { seed: 7, people: people.into(), others });
    }

    #[test]
    fn an_empty_file_leaves_all_to_chance() {
        let mut problems = Problems::default();
        assert_eq!(read(b"", FILE, &keys(), &mut problems), Rehearsal::default());
        assert!(problems.is_empty());
    }

    #[test]
    fn every_habit_can_be_given_a_proportion() {
        for (habit, word) in Habit::WORDS {
            let mut problems = Problems::default();
            let script = read(format!("[others]\n{word} = 5\n").as_bytes(), FILE, &keys(), &mut problems);
            assert_eq!((script.script.others, problems.errors()), (vec![(habit, 5)], 0), "{word}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_line() {
        let text = "sead = 3\nbegin = \"31 september\"\n\n[[person]]\nkey = \"D67\"\ndoes = \"answrs\"\n\n[[person]]\ndoes = \"answers\"\nafter = \"soon\"\n\
                    \n[[person]]\nkey = \"VVD\"\nletter = 0\n\n[[person]]\nkey = \"CDA\"\ndoes = \"refuses\"\ntimes = 3\ntext = \"Nee\"\n\
                    \n[others]\nanswer = 5\naway = \"often\"\n";
        insta::assert_snapshot!(problems(text).join("\n"));
        insta::assert_snapshot!(problems("[[person]\n").join("\n"), @"rehearsal.toml:1:10: unclosed array table, expected `]`");
    }
}
