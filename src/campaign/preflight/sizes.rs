//! How large letters, attachments and the whole run get.

use super::Found;
use super::catalogue::{HUGE_ATTACHMENT, LARGE_ATTACHMENT, LARGE_LETTER, LARGE_VOLUME};
use crate::campaign::words::grouped;

/// HTML of this size is worth a warning: Gmail cuts a message off at about 102 kB.
pub const LARGE_HTML: usize = 80_000;
/// An attachment of this size is worth a warning.
const LARGE: u64 = 1_000_000;
/// An attachment of this size is refused by many.
const HUGE: u64 = 10_000_000;
/// All messages together; they also fill the Sent folder.
const VOLUME: u64 = 1_000_000_000;

/// Looks at the size of a letter's HTML, in octets.
pub fn look_at_html(size: usize, found: &mut Vec<Found>) {
    if size > LARGE_HTML {
        let said = format!("the HTML has {} kB", size / 1000);
        found.push(Found::new(&LARGE_LETTER, said).hint("Gmail cuts a message off at about 100 kB"));
    }
}

/// Looks at an attachment.
pub fn look_at_attachment(name: &str, size: u64, found: &mut Vec<Found>) {
    let said = || format!("the attachment `{}` has {}", super::shown(name), bytes(size));
    if size > HUGE {
        found.push(Found::new(&HUGE_ATTACHMENT, said()));
    } else if size > LARGE {
        found.push(Found::new(&LARGE_ATTACHMENT, said()));
    }
}

/// Looks at all messages together.
pub fn look_at_volume(letters: u64, octets: u64, found: &mut Vec<Found>) {
    if octets > VOLUME {
        found.push(Found::new(
            &LARGE_VOLUME,
            format!("together the letters have {}", volume(letters, octets)),
        ));
    }
}

/// Says how much goes out: `5,000 × 1.4 MB = 7 GB`.
pub fn volume(letters: u64, octets: u64) -> String {
    format!("{} × {} = {}", grouped(letters, ','), bytes(octets / letters.max(1)), bytes(octets))
}

/// Writes a number of octets as people do: `900 bytes`, `25 kB`, `1.4 MB`, `7 GB`.
pub fn bytes(octets: u64) -> String {
    let (unit, name) = match octets {
        0..1000 => return format!("{octets} bytes"),
        1000..1_000_000 => (1000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let tenths = (octets * 10 + unit / 2) / unit;
    match tenths % 10 {
        tenth if tenths < 100 && tenth != 0 => format!("{}.{tenth} {name}", tenths / 10),
        _ => format!("{} {name}", (tenths + 5) / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(size: u64) -> Vec<&'static str> {
        let mut found = Vec::new();
        look_at_attachment("brief.pdf", size, &mut found);
        found.into_iter().map(|found| found.finding.name).collect()
    }

    #[test]
    fn the_limits_are_where_they_are_said_to_be() {
        assert_eq!(attachment(1_000_000), [] as [&str; 0]);
        assert_eq!(attachment(1_000_001), ["large-attachment"]);
        assert_eq!(attachment(10_000_000), ["large-attachment"]);
        assert_eq!(attachment(10_000_001), ["huge-attachment"]);
        let mut found = Vec::new();
        look_at_html(80_000, &mut found);
        look_at_volume(5000, 1_000_000_000, &mut found);
        assert_eq!(found.len(), 0);
        look_at_html(80_001, &mut found);
        look_at_volume(5000, 7_000_000_000, &mut found);
        let told: Vec<_> = found.iter().map(|found| found.said.as_str()).collect();
        assert_eq!(told, ["the HTML has 80 kB", "together the letters have 5,000 × 1.4 MB = 7 GB"]);
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        let told = [0, 999, 1000, 25_432, 1_449_999, 12_600_000, 999_999_999, 7_000_000_000].map(bytes);
        assert_eq!(told, ["0 bytes", "999 bytes", "1 kB", "25 kB", "1.4 MB", "13 MB", "1000 MB", "7 GB"]);
    }
}
