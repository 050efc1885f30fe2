//! What pages show, computed from values alone.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// The words of a search, in small letters.
pub(super) fn words(asked: &str) -> Vec<String> {
    asked.split_whitespace().map(str::to_lowercase).collect()
}

/// Writes a name so that it is one part of a path, whatever stands in it.
pub(super) fn in_path(name: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
}

/// Says how a file is to be taken, and under which name (RFC 6266 §4.3 with RFC 8187): whatever stands in the name, it stays a name.
pub(super) fn disposition(how: &str, name: &str) -> String {
    format!("{how}; filename*=UTF-8''{}", in_path(name))
}

/// A part of a whole in units of a drawing that is `wide` units wide; whatever is there at all is seen.
pub(super) fn extent(part: u64, whole: u64, wide: u64) -> u64 {
    match (part, whole) {
        (0, _) | (_, 0) => 0,
        (part, whole) => (part.saturating_mul(wide) / whole).clamp(2, wide),
    }
}

/// The same in whole percent.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(200).checked_div(whole).unwrap_or(0).div_ceil(2)
}

/// What happened on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DayCount {
    pub(super) accepted: u64,
    pub(super) replies: u64,
    pub(super) bounces: u64,
}

/// Fills the days in which nothing happened, so that a time line has no holes; keeps the last `most`.
pub(super) fn without_holes(days: &BTreeMap<Date, DayCount>, most: usize) -> Vec<(Date, DayCount)> {
    let (Some(first), Some(last)) = (days.keys().next().copied(), days.keys().next_back().copied()) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut day = last;
    while day >= first && all.len() < most {
        all.push((day, days.get(&day).copied().unwrap_or_default()));
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    all.reverse();
    all
}

/// Where a table of so many rows is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The page, from 1.
    pub(super) page: usize,
    /// How many there are, at least 1.
    pub(super) pages: usize,
    /// The first row, from 0.
    pub(super) from: usize,
    /// Behind the last row.
    pub(super) to: usize,
}

impl Cut {
    /// Cuts; a page that there is not becomes the nearest.
    pub(super) fn of(rows: usize, per_page: usize, page: usize) -> Self {
        let pages = rows.div_ceil(per_page).max(1);
        let page = page.clamp(1, pages);
        let from = (page - 1) * per_page;
        Self { page, pages, from, to: rows.min(from + per_page) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_is_there_is_seen_and_fits() {
        assert_eq!((extent(0, 10, 600), extent(1, 100_000, 600), extent(10, 10, 600)), (0, 2, 600));
        assert_eq!((extent(5, 0, 600), percent(1, 3), percent(2, 3), percent(0, 0)), (0, 33, 67, 0));
        assert_eq!(percent(u64::MAX, u64::MAX), 1);
    }

    #[test]
    fn a_time_line_has_no_holes() {
        let one = DayCount { accepted: 1, ..DayCount::default() };
        let days = BTreeMap::from([(date(2025, 3, 1), one), (date(2025, 3, 4), one)]);
        let all = without_holes(&days, 60);
        assert_eq!(all.iter().map(|(day, _)| day.day()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(without_holes(&days, 2).len(), 2);
        assert_eq!(without_holes(&BTreeMap::new(), 2), []);
    }

    #[test]
    fn a_table_is_cut_into_pages() {
        assert_eq!(Cut::of(0, 50, 7), Cut { page: 1, pages: 1, from: 0, to: 0 });
        assert_eq!(Cut::of(101, 50, 3), Cut { page: 3, pages: 3, from: 100, to: 101 });
        assert_eq!(Cut::of(101, 50, 0).page, 1);
        assert_eq!(Cut::of(100, 50, 99), Cut { page: 2, pages: 2, from: 50, to: 100 });
    }
}
