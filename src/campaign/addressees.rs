//! Cells with addresses: several in one cell, with or without names, parted as people part them.

use std::collections::HashSet;

use super::headings::trimmed;
use super::recipient::Addressees;
use crate::mail::address::{Address, AddressError, Mailbox, display_name};

/// The most addresses that one row may have: a row with more is no recipient but a quote left open, or a list.
pub(super) const MOST: usize = 20;

/// Reads a cell: `a@x.example; Ada <ada@x.example>`, parted by semicolons, commas, bars, blanks, line breaks, or a
/// slash. All of it is read or named as wrong; an empty cell holds nobody.
pub(super) fn mailboxes(cell: &str) -> Vec<Result<Mailbox, AddressError>> {
    let cell = cell.trim_matches(|c: char| is_blank(c) || matches!(c, ';' | ',' | '|'));
    if cell.is_empty() {
        return Vec::new();
    }
    // One address: what is wrong with it is best said of the whole.
    if cell.matches('@').count() <= 1 && !cell.contains([';', ',', '|', '\n', '<']) {
        return vec![Address::parse(cell).map(|address| Mailbox { name: None, address })];
    }
    let mut found = Vec::new();
    let mut rest = cell;
    while let Some((before, inside, after)) = bracketed(rest) {
        let name = named(before, &mut found);
        found.push(Address::parse(inside).map(|address| Mailbox { name: display_name(name), address }));
        rest = after;
    }
    match Mailbox::parse(rest) {
        // A bracket without its other half.
        Err(error) if rest.contains(['<', '>']) => found.push(Err(error)),
        _ => bare(rest, &mut found),
    }
    found
}

/// The To, Cc and Bcc of one row: each address once, where it stands first.
///
/// Returns `None` where there is nobody in `to`.
pub(super) fn gathered(to: Vec<Mailbox>, cc: Vec<Mailbox>, bcc: Vec<Mailbox>) -> Option<Addressees> {
    if to.len() == 1 && cc.is_empty() && bcc.is_empty() {
        let to = to.into_iter().next()?;
        return Some(Addressees { to, also_to: Vec::new(), cc, bcc });
    }
    let mut seen = HashSet::new();
    let mut once = |list: Vec<Mailbox>| -> Vec<Mailbox> {
        list.into_iter().filter(|mailbox| seen.insert(mailbox.address.canonical())).collect()
    };
    let mut also_to = once(to).into_iter();
    let to = also_to.next()?;
    let also_to = also_to.collect();
    Some(Addressees { to, also_to, cc: once(cc), bcc: once(bcc) })
}

/// Parts `before <inside> after` at the first pair of brackets outside of quotes.
fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let mut quoted = false;
    let open = text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '<' && !quoted).then_some(at)
    });
    let open = open.or_else(|| text.find('<'))?;
    let close = open + text[open..].find('>')?;
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

/// Takes the bare addresses before a name and returns the name.
fn named<'t>(text: &'t str, found: &mut Vec<Result<Mailbox, AddressError>>) -> &'t str {
    let text = text.trim_start_matches(|c: char| is_blank(c) || matches!(c, ';' | ',' | '|' | '/'));
    // A quoted name may hold anything.
    let quote = text.find('"').filter(|_| text.trim_end().ends_with('"'));
    let (plain, quoted) = text.split_at(quote.unwrap_or(text.len()));
    // A comma belongs to a name (`Jansen, Ada`), a semicolon, a bar or a line break does not.
    let hard = plain.rfind([';', '|', '\n']).map_or(0, |at| at + 1);
    let address = plain.rfind('@').map_or(0, |at| {
        plain[at..].find(|c: char| is_blank(c) || matches!(c, ',' | '/')).map_or(plain.len(), |end| at + end)
    });
    let (addresses, name) = plain.split_at(hard.max(address));
    bare(addresses, found);
    if quoted.is_empty() {
        name.trim_matches(|c: char| is_blank(c) || matches!(c, ',' | '/'))
    } else {
        quoted.trim().trim_matches('"')
    }
}

/// Reads addresses without names.
fn bare(text: &str, found: &mut Vec<Result<Mailbox, AddressError>>) {
    for word in text.split(|c: char| is_blank(c) || matches!(c, ';' | ',' | '|')) {
        // A slash may stand before an @, so it parts only what is more than one address.
        let several = word.matches('@').count() > 1;
        for part in word.split(|c| several && c == '/') {
            // Words that join two addresses. "Or" is none: it leaves a choice.
            if part.is_empty() || matches!(part, "/" | "&" | "+" | "en" | "and" | "EN" | "En") {
                continue;
            }
            found.push(Address::parse(part).map(|address| Mailbox { name: None, address }));
        }
    }
}

fn is_blank(c: char) -> bool {
    trimmed(c.encode_utf8(&mut [0; 4])).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_one_cell_are_parted_as_people_part_them() {
        let told = |cell: &str| {
            let read = mailboxes(cell).into_iter().map(|one| match one {
                Ok(mailbox) => mailbox.to_string(),
                Err(error) => format!("! {error}"),
            });
            format!("{}: {}", cell.replace('\n', "\\n"), read.collect::<Vec<_>>().join(" + "))
        };
        let told: Vec<String> = [
            "",
            " ; ",
            "a@x.example",
            "a@x.example;",
            "<a@x.example>",
            "a@x.example;b@x.example",
            "a@x.example, b@x.example",
            "a@x.example b@x.example",
            "a@x.example\nb@x.example\n",
            "a@x.example\u{A0}|\u{A0}b@x.example",
            "a@x.example/b@x.example",
            "a@x.example / b@x.example",
            "a@x.example en b@x.example & c@x.example",
            "a/b@x.example; c@x.example",
            "Ada Jansen <a@x.example>",
            "Ada <a@x.example>, Bo <b@x.example>",
            "Ada <a@x.example>Bo <b@x.example>",
            "Jansen, Ada <a@x.example>; Bo <b@x.example>",
            "\"Jansen; Ada\" <a@x.example>, b@x.example",
            "a@x.example, Bo de Vries <b@x.example>",
            "a@x.example, b@x.example; De Vries, Bo <c@x.example>\nd@x.example",
            "mailto:a@x.example; MAILTO:b@x.example",
            "Ada <mailto:a@x.example>",
            "A@x.example; a@X.example",
            // What is wrong is named, one by one.
            "geen",
            "a @x.example",
            "Ada a@x.example",
            "a@x.example; geen",
            "a@x.example of b@x.example",
            "a@x.example; b@x; c@x.example",
            "geen; Ada <a@x.example>",
            "Ada <a@x.example",
            "Ada <>; b@x.example",
            "Ada <a@x.example; b@x.example>",
            "a@x.example (Ada); b@x.example",
            "a@b@c.example",
        ]
        .map(told)
        .to_vec();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn an_address_of_a_row_counts_once_where_it_stands_first() {
        let read = |cell: &str| mailboxes(cell).into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let all = gathered(
            read("Ada <a@x.example>; A@X.example; b@x.example"),
            read("b@x.example; c@x.example"),
            read("a@x.example d@x.example C@x.example"),
        )
        .unwrap();
        let told = |list: &[Mailbox]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(all.to.to_string(), "Ada <a@x.example>");
        assert_eq!(
            [told(&all.also_to), told(&all.cc), told(&all.bcc)],
            ["b@x.example", "c@x.example", "d@x.example"]
        );
        assert_eq!(gathered(vec![], read("a@x.example"), vec![]), None);
    }
}
