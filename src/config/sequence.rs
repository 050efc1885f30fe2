//! `[[step]]` and `[calendar]`, settled: which letter follows which, after how long, and for whom not.

use jiff::civil::{Date, Time};

use super::Config;
use super::check::shown;
use super::load::Settling;
use super::schema::{Raw, RawCalendar, RawNotify, RawStep};
use super::words::time;
use crate::campaign::day::day;
use crate::campaign::holidays::{Country, WorkingDays};
use crate::campaign::problem::Problem;
use crate::campaign::sequence::{After, Condition, StepRule};
use crate::delivery::enrollment::Sequence;

/// What always holds, and needs no column of that name.
const ANSWERED: [&str; 2] = ["replied", "beantwoord"];

impl Config {
    /// Returns the sequence of letters with everything that decides when each is due.
    pub fn sequence(&self) -> Sequence {
        Sequence {
            rules: self.rules.clone(),
            working: self.working.clone(),
            window: self.window.clone(),
            deadlines: self.deadlines.clone(),
        }
    }
}

impl Settling<'_> {
    /// Reads the letters' names and their rules; as many of each.
    pub(super) fn steps(&mut self, raw: &Raw) -> (Vec<String>, Vec<StepRule>) {
        if raw.step.is_empty() && !self.document.has(&["step"]) {
            self.error(
                "missing-key",
                &["step"],
                "there is no `[[step]]`, so no letter",
                "write `[[step]]` and below it `letter = \"letter\"`",
            );
        }
        let (mut steps, mut rules): (Vec<String>, Vec<StepRule>) = Default::default();
        for (number, step) in raw.step.iter().enumerate() {
            let rule = self.rule(number, step);
            let Some(letter) = self.letter(number, step) else { continue };
            if steps.contains(&letter) {
                self.wrong_step(
                    number,
                    "letter",
                    "same-letter",
                    format!("two steps have the letter `{}`", shown(&letter)),
                    "each step has a letter of its own",
                );
            }
            steps.push(letter);
            rules.push(rule);
        }
        (steps, rules)
    }

    fn letter(&mut self, number: usize, step: &RawStep) -> Option<String> {
        let hint = "it names the file `templates/NAME.md`, or `NAME.html`";
        let letter = match step.letter.as_deref().map(str::trim) {
            Some(letter) if !letter.is_empty() => letter,
            // A value of the wrong kind was told already.
            None if self.has(number, "letter") => return None,
            _ => {
                self.wrong_step(number, "letter", "missing-key", "`step.letter` is missing".to_owned(), hint);
                return None;
            }
        };
        if letter.contains(['/', '\\']) || letter.starts_with('.') || letter.ends_with(".md") {
            let said = format!("`{}` is no letter's name", shown(letter));
            self.wrong_step(
                number,
                "letter",
                "wrong-letter",
                said,
                "write the file's name without folder and without `.md`",
            );
            return None;
        }
        Some(letter.to_owned())
    }

    fn rule(&mut self, number: usize, step: &RawStep) -> StepRule {
        let mut rule = StepRule::default();
        match (&step.after, number) {
            (Some(_), 0) => self.wrong_step(
                number,
                "after",
                "wrong-step",
                "the first letter follows none, and has no `after`".to_owned(),
                "remove it; `[window]` and `postduif send` decide when the first letter goes",
            ),
            (Some(text), _) => match text.parse::<After>() {
                Ok(after) => rule.after = Some(after),
                Err(why) => {
                    let said = format!("`step.after` cannot be `{}`", shown(text));
                    self.wrong_step(number, "after", "wrong-after", said, &why);
                }
            },
            (None, 0) => {}
            (None, _) if self.has(number, "after") => {}
            (None, _) => self.wrong_step(
                number,
                "after",
                "missing-key",
                "`step.after` is missing: how long after the letter before?".to_owned(),
                "write `after = \"10 working days\"`",
            ),
        }
        if let Some(text) = &step.unless {
            if number == 0 {
                let said = "the first letter goes to everybody on the roster, and has no `unless`".to_owned();
                self.wrong_step(
                    number,
                    "unless",
                    "wrong-step",
                    said,
                    "take out the rows that are not to be written to",
                );
            }
            for part in text.split(" or ") {
                match part.parse::<Condition>() {
                    Ok(condition)
                        if condition.compared.is_none() && ANSWERED.contains(&condition.field.as_str()) => {}
                    Ok(condition) => rule.unless.push(condition),
                    Err(why) => {
                        let said = format!("`step.unless` cannot be `{}`", shown(text));
                        self.wrong_step(number, "unless", "wrong-unless", said, &why);
                    }
                }
            }
        }
        rule.not_after = step.not_after.as_ref().and_then(|text| match day(text) {
            Ok(day) => Some(day),
            Err(why) => {
                let said = format!("`step.not-after` cannot be `{}`: {why}", shown(text));
                self.wrong_step(
                    number,
                    "not-after",
                    "wrong-day",
                    said,
                    "write a day such as `2025-10-28` or `28-10-2025`",
                );
                None
            }
        });
        rule
    }

    pub(super) fn working_days(&mut self, raw: &RawCalendar) -> WorkingDays {
        let country = raw.country.as_deref().and_then(Country::of).unwrap_or(Country::Netherlands);
        let closed: Vec<Date> = raw
            .closed
            .iter()
            .filter_map(|text| self.day("wrong-day", &["calendar", "closed"], text))
            .collect();
        WorkingDays { country, closed }
    }

    pub(super) fn notify(&mut self, raw: &RawNotify) -> Time {
        let text = raw.daily.as_deref().unwrap_or("08:00");
        time(text).unwrap_or_else(|| {
            let said = format!("`{}` is no time of the day", shown(text));
            self.error("wrong-time", &["notify", "daily"], said, "write hours and minutes, such as `08:00`");
            Time::MIN
        })
    }

    fn has(&self, number: usize, key: &str) -> bool {
        self.document.place_in_item("step", number, key).is_some()
    }

    fn wrong_step(&mut self, number: usize, key: &str, name: &'static str, said: String, hint: &str) {
        let place = self.document.place_in_item("step", number, key);
        let place = place.unwrap_or_else(|| self.document.place_of_item(&["step"], number));
        self.problems.push(Problem::error(name, place, said).hint(hint));
    }
}
