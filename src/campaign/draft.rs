//! A letter as its reader gets it, with the places where values landed: what preflight looks at, row by row.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::letter::{Input, Letter};
use super::markdown::Landing;
use super::merge::Walk;
use super::problem::{Place, Problem};

/// One row's letter.
#[derive(Debug)]
pub struct Draft {
    /// The subject as it goes out.
    pub subject: String,
    /// The subject before it was cleaned.
    pub raw_subject: String,
    /// The text part.
    pub text: String,
    /// The values in the text part, in its order.
    pub landed: Vec<Landed>,
    /// How many octets the HTML has; a little less where signs have to be escaped.
    pub html_size: usize,
    /// Names the shape: the same for all rows that take the same branches.
    pub shape: u64,
}

/// A value in the text part.
#[derive(Clone, Debug)]
pub struct Landed {
    /// Its octets.
    pub at: Range<usize>,
    /// What the author wrote: `naam`, `date datum`.
    pub said: Arc<str>,
    /// Where the author wrote it.
    pub place: Arc<Place>,
    /// Whether it is within the address of a link.
    pub in_link: bool,
}

impl Landed {
    /// Returns the field that it comes from.
    pub fn field(&self) -> &str {
        self.said.rsplit(' ').next().unwrap_or_default()
    }
}

impl Letter {
    /// Merges the letter's text for one row and keeps where the values are.
    ///
    /// # Errors
    /// Everything that keeps it from being sent to this row.
    pub fn draft(&self, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
        let columns = self.columns(input);
        let prepared = self.prepare(&columns, input)?;
        let (walk, shape): (&Walk<'_>, _) = (&prepared.walk, &prepared.shape);
        let mut text = String::with_capacity(shape.size());
        let mut landed = Vec::with_capacity(walk.given.len() + 4);
        shape.text_with_slots(&walk.given, &mut text, &mut |slot, at| {
            let (number, in_link) = match slot {
                Landing::Value(number) => (number, false),
                Landing::Address(number) => (number, true),
            };
            if let Some(given) = walk.given.get(number as usize) {
                let (said, place) = (Arc::clone(&given.put.said), Arc::clone(&given.put.place));
                landed.push(Landed { at, said, place, in_link });
            }
        });
        let values: usize = walk.given.iter().map(|given| given.value.len()).sum();
        let mut hasher = DefaultHasher::new();
        walk.trail.hash(&mut hasher);
        Ok(Draft {
            html_size: shape.html_size() + values,
            shape: hasher.finish(),
            subject: prepared.subject,
            raw_subject: prepared.raw_subject,
            text,
            landed,
        })
    }
}

impl Draft {
    /// Returns a number for what the letter says beside names and addresses: the same for letters that say the same.
    ///
    /// `is_own` tells the fields that every recipient has for itself.
    pub fn sense(&self, is_own: impl Fn(&str) -> bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.shape.hash(&mut hasher);
        for landed in self.landed.iter().filter(|landed| !is_own(landed.field())) {
            self.text.get(landed.at.clone()).unwrap_or_default().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Cuts the text at its values: each piece, with what the author wrote where it is a value.
    pub fn pieces(&self) -> Vec<(&str, Option<&str>)> {
        let mut pieces = Vec::with_capacity(self.landed.len() * 2 + 1);
        let mut from = 0;
        for landed in self.landed.iter().filter(|landed| !landed.in_link) {
            let (Some(before), Some(value)) =
                (self.text.get(from..landed.at.start), self.text.get(landed.at.clone()))
            else {
                continue;
            };
            pieces.push((before, None));
            pieces.push((value, Some(&*landed.said)));
            from = landed.at.end;
        }
        pieces.push((self.text.get(from..).unwrap_or_default(), None));
        pieces.retain(|(text, _)| !text.is_empty());
        pieces
    }

    /// Returns the text round a value, and where it begins: at most so many octets before it and behind it, within its line.
    pub fn around(&self, landed: &Landed, most: usize) -> (usize, &str) {
        let line = self.line(landed);
        let from = self.floor(landed.at.start.saturating_sub(most)).max(line.start);
        let to = self.ceiling((landed.at.end + most).min(self.text.len())).min(line.end);
        (from, self.text.get(from..to).unwrap_or_default())
    }

    /// Returns the line of the text part in which a value stands; its own line breaks are within it.
    pub fn line(&self, landed: &Landed) -> Range<usize> {
        let before = self.text.get(..landed.at.start).unwrap_or_default();
        let behind = self.text.get(landed.at.end..).unwrap_or_default();
        let start = memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |at| at + 1);
        let end = memchr::memchr(b'\n', behind.as_bytes()).map_or(self.text.len(), |at| landed.at.end + at);
        start..end
    }

    fn floor(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn ceiling(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at += 1;
        }
        at
    }
}
