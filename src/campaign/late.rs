//! Letters that would come after their deadline at the pace there is.

use std::collections::HashMap;

use jiff::civil::Date;

use super::plan::Plan;

/// Counts them while the roster is read, letter by letter in the order in which they go.
#[derive(Debug, Default)]
pub struct Late {
    /// How many letters fit before a day is over.
    fit: HashMap<Date, u64>,
    /// Letters so far that are in time.
    in_time: u64,
    /// Letters that would be too late.
    pub letters: u64,
    /// The keys of the first few.
    pub examples: Vec<String>,
}

impl Late {
    /// Takes the next letter, whose last day is `day`; `fit` says how many letters can go before a day is over.
    pub fn next(&mut self, key: &str, day: Option<Date>, fit: impl FnOnce(Date) -> u64) {
        let fits = day.is_none_or(|day| self.in_time < *self.fit.entry(day).or_insert_with(|| fit(day)));
        if fits {
            self.in_time += 1;
            return;
        }
        // It lapses, and the next one goes in its place.
        self.letters += 1;
        if self.examples.len() < Plan::EXAMPLES {
            self.examples.push(key.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_letter_is_late_when_too_many_go_before_it_and_then_takes_nobodys_place() {
        let mut late = Late::default();
        let (soon, later) = (date(2025, 9, 12), date(2025, 9, 13));
        let fit = |day| if day == soon { 2 } else { 4 };
        for (key, day) in [
            ("a", None),
            ("b", Some(soon)),
            ("c", Some(soon)),
            ("d", Some(later)),
            ("e", Some(later)),
            ("f", Some(later)),
            ("g", None),
        ] {
            late.next(key, day, fit);
        }
        assert_eq!((late.letters, late.examples), (2, vec!["c".to_owned(), "f".to_owned()]));
    }
}
