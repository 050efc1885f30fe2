//! The board of answers as values: each party, each point, and what it comes to.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::ledger::{AnswerWord, Filed};

/// A point of the letter that parties answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its short name, which the ledger keeps.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
}

/// The board: a row for each party, a cell for each point.
#[derive(Clone, Debug, Default)]
pub(super) struct Board {
    pub(super) points: Vec<Point>,
    pub(super) rows: Vec<BoardRow>,
}

/// One party.
#[derive(Clone, Debug)]
pub(super) struct BoardRow {
    pub(super) party: String,
    /// What counts for each point; nothing was filed where there is none.
    pub(super) cells: Vec<Option<Filed>>,
}

impl Board {
    /// Puts together what counts: of each party and point, what was filed last, unless it was taken back.
    pub(super) fn of(points: &[Point], parties: Vec<String>, filed: Vec<Filed>) -> Self {
        let mut newest: HashMap<(String, String), Filed> = HashMap::new();
        let known: HashSet<&String> = parties.iter().collect();
        let mut others = BTreeSet::new();
        for answer in filed {
            if !known.contains(&answer.party) {
                others.insert(answer.party.clone());
            }
            newest.insert((answer.party.clone(), answer.point.clone()), answer);
        }
        newest.retain(|_, answer| answer.word != AnswerWord::None);
        let rows = parties.into_iter().chain(others).map(|party| {
            let cells =
                points.iter().map(|point| newest.remove(&(party.clone(), point.name.clone()))).collect();
            BoardRow { party, cells }
        });
        Self { points: points.to_vec(), rows: rows.collect() }
    }

    /// Returns at most so many rows; where there are more, only of those who answered.
    pub(super) fn at_most(&self, most: usize) -> Vec<&BoardRow> {
        let all = self.rows.iter();
        let answered = |row: &&BoardRow| row.cells.iter().any(Option::is_some);
        if self.rows.len() <= most { all.collect() } else { all.filter(answered).take(most).collect() }
    }

    /// Counts the answers to each point by their word.
    pub(super) fn counts(&self, point: usize) -> Vec<(AnswerWord, u64)> {
        let words =
            self.rows.iter().filter_map(|row| row.cells.get(point)?.as_ref().map(|answer| answer.word));
        let words: Vec<AnswerWord> = words.collect();
        let mut counts: Vec<(AnswerWord, u64)> = AnswerWord::ALL
            .into_iter()
            .filter(|word| *word != AnswerWord::None)
            .map(|word| (word, words.iter().filter(|found| **found == word).count() as u64))
            .collect();
        counts.push((AnswerWord::None, (self.rows.len() - words.len()) as u64));
        counts
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn filed(party: &str, point: &str, word: AnswerWord) -> Filed {
        Filed {
            party: party.to_owned(),
            point: point.to_owned(),
            word,
            quote: String::new(),
            source: String::new(),
            person: String::new(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_filed_last_counts_unless_it_was_taken_back() {
        let points = ["work", "care"].map(|name| Point { name: name.to_owned(), title: name.to_owned() });
        let parties = vec!["A".to_owned(), "B".to_owned()];
        let board = Board::of(
            &points,
            parties,
            vec![
                filed("A", "work", AnswerWord::No),
                filed("A", "work", AnswerWord::Yes),
                filed("B", "care", AnswerWord::Partly),
                filed("B", "care", AnswerWord::None),
                filed("Gone", "work", AnswerWord::Unclear),
                filed("A", "removed", AnswerWord::Yes),
            ],
        );
        let words: Vec<Vec<Option<AnswerWord>>> = board
            .rows
            .iter()
            .map(|row| row.cells.iter().map(|cell| cell.as_ref().map(|answer| answer.word)).collect())
            .collect();
        let none = vec![None, None];
        assert_eq!(words, [vec![Some(AnswerWord::Yes), None], none, vec![Some(AnswerWord::Unclear), None]]);
        assert_eq!(board.rows[2].party, "Gone", "an answer is never lost because the list changed");
        let counts: Vec<u64> = board.counts(0).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 0, 0, 1, 1]);
    }
}
