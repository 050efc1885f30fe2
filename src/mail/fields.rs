//! Header fields as they come in (RFC 5322 §2.2), and the same shape elsewhere: in delivery reports, and in letters that were
//! pasted into a text.

use std::borrow::Cow;

use super::parsed;

/// One field. Its name is in lower case; its value is unfolded and otherwise as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, in lower case.
    pub name: String,
    /// The value, unfolded, not decoded.
    pub value: String,
}

/// Fields in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

/// How many fields of one header are read; the rest is left out.
const LIMIT: usize = 1000;
/// How long a value may be, in bytes; the rest is left out.
const LONGEST: usize = 32 * 1024;

impl Fields {
    /// Reads fields from lines; lines that are none are left out, unless they go on from the one before.
    pub fn parse(text: &str) -> Self {
        let mut fields = Self::default();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                fields.go_on(line);
            } else if let Some((name, value)) = split(line) {
                fields.push(name, value);
            }
        }
        fields
    }

    /// Adds a field.
    pub fn push(&mut self, name: &str, value: &str) {
        if self.0.len() < LIMIT {
            self.0.push(Field {
                name: name.to_ascii_lowercase(),
                value: cut(value.trim(), LONGEST).to_owned(),
            });
        }
    }

    /// Adds a line to the last field.
    pub fn go_on(&mut self, line: &str) {
        if let Some(last) = self.0.last_mut()
            && last.value.len() < LONGEST
        {
            last.value.push(' ');
            last.value.push_str(cut(line.trim(), LONGEST));
        }
    }

    /// Returns the value of the first field of that name (given in lower case), as it came.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// Returns the value of the first field of that name, decoded (RFC 2047).
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(parsed::decode)
    }

    /// Returns whether there is such a field.
    pub fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Returns the values of all fields of that name, as they came.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |field| field.name == name).map(|field| field.value.as_str())
    }

    /// Goes through all of them.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the Message-IDs in the fields of that name, with angle brackets.
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(message_ids).collect()
    }
}

/// Cuts a line into a field's name and its value.
pub fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let fits = begins
        && name.len() <= 76
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    fits.then_some((name, value))
}

/// Returns the Message-IDs of a text (RFC 5322 §3.6.4), with angle brackets.
///
/// Lenient: blanks that folding left inside are taken out, and one that has lost its brackets gets them back.
pub fn message_ids(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let after = &rest[at + 1..];
        let Some(end) = after.find(['>', '<']) else { break };
        let inside: String = after[..end].split_whitespace().collect();
        if inside.len() > 2
            && inside.len() <= 998
            && (inside.contains('@') || after[..end].len() == inside.len())
        {
            found.push(format!("<{inside}>"));
        }
        rest = &after[end..];
        rest = rest.strip_prefix('>').unwrap_or(rest);
    }
    if found.is_empty() {
        found.extend(
            text.split([' ', '\t', ',', ';', '"'])
                .map(|word| word.trim_matches(['<', '>']))
                .filter(|word| {
                    word.len() > 4 && word.contains('@') && !word.starts_with('@') && !word.ends_with('@')
                })
                .map(|word| format!("<{word}>")),
        );
    }
    found
}

/// Cuts a text to at most so many bytes, at a character.
pub fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_fields_are_one_and_other_lines_are_left_out() {
        let fields = Fields::parse("Subject: one\n two\nnot a field\nTo : <a@b.example>\nsubject: again\n");
        assert_eq!(fields.raw("subject"), Some("one two"));
        assert_eq!(fields.raw("to"), Some("<a@b.example>"));
        assert_eq!(fields.all("subject").count(), 2);
        assert!(!fields.has("not a field"));
    }

    #[test]
    fn ids_are_found_however_a_relay_mangled_them() {
        for (text, ids) in [
            ("<a.b@c.example>", vec!["<a.b@c.example>"]),
            ("<a@b.example> <c@d.example>", vec!["<a@b.example>", "<c@d.example>"]),
            ("<a@\r\n b.example>", vec!["<a@b.example>"]),
            ("a@b.example", vec!["<a@b.example>"]),
            ("<a@b.example", vec!["<a@b.example>"]),
            ("Message of \"today\" <a@b.example>", vec!["<a@b.example>"]),
            ("<abc123>", vec!["<abc123>"]),
            ("", vec![]),
            ("<>", vec![]),
        ] {
            assert_eq!(message_ids(text), ids, "{text}");
        }
    }
}
