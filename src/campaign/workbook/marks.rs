//! What a sheet says about its rows beside their cells: which are hidden, and where cells are merged over rows.
//!
//! calamine does not tell it. Where it cannot be found out, nothing is said.

use std::io::{Read, Seek};

use quick_xml::events::Event;
use zip::ZipArchive;

use super::package::{attribute, part, unescaped, xml};

/// Runs of rows, from 1; of each kind a bounded number is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::campaign) struct Marks {
    hidden: Vec<(u64, u64)>,
    merged: Vec<(u64, u64)>,
}

const KEPT: usize = 100_000;

impl Marks {
    pub(super) fn hide(&mut self, row: u64, count: u64) {
        let full = self.hidden.len() >= KEPT;
        match self.hidden.last_mut() {
            Some((first, length)) if *first + *length == row => *length += count,
            _ if full => {}
            _ => self.hidden.push((row, count)),
        }
    }

    pub(super) fn merge(&mut self, row: u64, count: u64) {
        if self.merged.len() < KEPT {
            self.merged.push((row, count));
        }
    }

    /// Returns whether a row is hidden.
    pub(super) fn hides(&self, row: u64) -> bool {
        let at = self.hidden.partition_point(|(first, _)| *first <= row);
        at.checked_sub(1).and_then(|at| self.hidden.get(at)).is_some_and(|(first, count)| row < first + count)
    }

    /// Returns the first and the last row of the first cells that are merged over rows, at or below a row.
    pub(super) fn merged_from(&self, row: u64) -> Option<(u64, u64)> {
        let below = self.merged.iter().filter(|(first, count)| first + count > row);
        below.min().map(|(first, count)| (*first, first + count - 1))
    }
}

/// Reads the marks of a sheet of an `.xlsx` (ECMA-376 part 1 §18.3.1.73 and §18.3.1.55).
pub(super) fn of_xlsx<R: Read + Seek>(file: &mut R, sheet: &str) -> Option<Marks> {
    let mut archive = ZipArchive::new(file).ok()?;
    let id = found(part(&mut archive, "xl/workbook.xml")?, "sheet", "name", sheet, "id")?;
    let target =
        found(part(&mut archive, "xl/_rels/workbook.xml.rels")?, "Relationship", "Id", &id, "Target")?;
    let path = match target.strip_prefix('/') {
        Some(path) => path.to_owned(),
        None => format!("xl/{target}"),
    };
    let mut reader = xml(part(&mut archive, &path)?);
    let mut buffer = Vec::new();
    let mut marks = Marks::default();
    let mut row = 0;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "row" => {
                    row = attribute(&tag, "r").and_then(|row| row.parse().ok()).unwrap_or(row + 1);
                    if attribute(&tag, "hidden").is_some_and(|hidden| hidden == "1" || hidden == "true") {
                        marks.hide(row, 1);
                    }
                }
                "mergeCell" => {
                    let cells = attribute(&tag, "ref")?;
                    let (first, last) = cells.split_once(':')?;
                    let number =
                        |cell: &str| cell.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok();
                    let (first, last): (u64, u64) = (number(first)?, number(last)?);
                    if last > first {
                        marks.merge(first, last - first + 1);
                    }
                }
                _ => {}
            },
            Event::Eof => return Some(marks),
            _ => {}
        }
    }
}

/// Returns an attribute of the first tag that has another attribute with this value; prefixes do not count.
fn found(part: impl Read, tag_name: &str, key: &str, value: &str, wanted: &str) -> Option<String> {
    let mut reader = xml(part);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).ok()? {
            Event::Start(tag) | Event::Empty(tag)
                if tag.local_name().as_ref() == tag_name
                    && attribute(&tag, key).is_some_and(|found| unescaped(&found) == value) =>
            {
                let mut attributes = tag.attributes();
                let mut attributes = attributes.with_checks(false).flatten();
                let found = attributes.find(|found| found.key.local_name().as_ref() == wanted)?;
                return Some(unescaped(found.value.as_ref()));
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}
