//! The board: what each party says to each point of the letter, as a person read it, with the words and where they stand.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::campaigns::refused;
use super::history::{instant, millis};
use super::{Ledger, LedgerError, Reader, wish};

/// What a party says to a point. Append-only: the newest of a party and a point counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The party: an organisation, or the key of a recipient who has none.
    pub party: String,
    /// The point, by the name that the settings give it.
    pub point: String,
    /// What it amounts to.
    pub word: AnswerWord,
    /// The party's own words.
    pub quote: String,
    /// Where they stand: a letter of theirs, a page, a telephone call.
    pub source: String,
    /// Who filed it.
    pub person: String,
    /// When.
    pub at: Timestamp,
}

/// What an answer amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerWord {
    /// They take the point over.
    Yes,
    /// In part.
    Partly,
    /// They do not.
    No,
    /// They answered, and it cannot be said what.
    Unclear,
    /// What was filed does not count any more.
    None,
}

impl AnswerWord {
    /// Every word.
    pub const ALL: [AnswerWord; 5] =
        [AnswerWord::Yes, AnswerWord::Partly, AnswerWord::No, AnswerWord::Unclear, AnswerWord::None];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            AnswerWord::Yes => "yes",
            AnswerWord::Partly => "partly",
            AnswerWord::No => "no",
            AnswerWord::Unclear => "unclear",
            AnswerWord::None => "none",
        }
    }

    /// Returns the word of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }
}

impl Ledger {
    /// Files an answer.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] where the campaign was not launched.
    pub fn file_answer(path: &Path, campaign: &str, answer: &Filed) -> Result<(), LedgerError> {
        wish::beside(path, |writing| {
            let Some(found) = writing.campaign_named(campaign)? else {
                return refused(format!("the ledger has no campaign `{campaign}`: nothing was sent of it"));
            };
            writing.conn.execute(
                "INSERT INTO answer (campaign, party, point, word, quote, source, person, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    found.id.0,
                    answer.party,
                    answer.point,
                    answer.word.name(),
                    answer.quote,
                    answer.source,
                    answer.person,
                    millis(answer.at)
                ],
            )?;
            Ok(())
        })
    }
}

impl Reader {
    /// Returns everything that was filed, oldest first.
    pub fn answers(&self, campaign: super::record::CampaignId) -> Result<Vec<Filed>, LedgerError> {
        let answer = |row: &Row<'_>| {
            Ok(Filed {
                party: row.get(0)?,
                point: row.get(1)?,
                word: AnswerWord::named(row.get_ref(2)?.as_str()?).unwrap_or(AnswerWord::Unclear),
                quote: row.get(3)?,
                source: row.get(4)?,
                person: row.get(5)?,
                at: instant(row.get(6)?),
            })
        };
        self.ask(|conn| {
            conn.prepare_cached(
                "SELECT party, point, word, quote, source, person, at FROM answer WHERE campaign = ?1 ORDER BY id",
            )?
            .query_map([campaign.0], answer)?
            .collect()
        })
    }
}
