//! Header fields: folding (RFC 5322 §2.2.3) and encoded-words (RFC 2047), in Q encoding so that they stay readable.

use super::address::Mailbox;

/// Where we fold (RFC 5322 §2.1.1 asks for 78).
const LINE: usize = 76;
/// The longest encoded-word (RFC 2047 §2).
const WORD: usize = 75;
/// An ASCII word longer than this is written as encoded-words, because nothing else can break it.
const LONGEST_ATOM: usize = 60;

/// Removes what no header and no letter may hold: control characters, the overrides of the writing direction,
/// and invisible marks. Line breaks and tabs become blanks.
///
/// Runs of blanks become one; blanks at the ends go.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{85}' {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !unprintable(c) {
            out.push(c);
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Returns whether a character is a control, an override of the writing direction, or an invisible mark.
pub fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
                | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{2028}' | '\u{2029}'
        )
}

/// Appends `Name: value` of an unstructured field (RFC 5322 §3.6.5), folded, and encoded only where it must be.
pub fn unstructured(name: &str, value: &str, out: &mut Vec<u8>) {
    let value = clean(value);
    let mut field = Field::open(name, out);
    let plain =
        value.is_ascii() && !value.contains("=?") && value.split(' ').all(|word| word.len() <= LONGEST_ATOM);
    if plain {
        for word in value.split(' ') {
            field.word(word);
        }
    } else {
        field.encoded(&value);
    }
    field.close();
}

/// Appends `Name: value` as it is; for fields whose value we made ourselves.
pub fn structured(name: &str, value: &str, out: &mut Vec<u8>) {
    let mut field = Field::open(name, out);
    for word in value.split(' ') {
        field.word(word);
    }
    field.close();
}

/// Appends `Name: "Display Name" <address>, …` (RFC 5322 §3.4).
pub fn mailboxes(name: &str, mailboxes: &[Mailbox], out: &mut Vec<u8>) {
    let mut field = Field::open(name, out);
    for (nth, mailbox) in mailboxes.iter().enumerate() {
        let display = mailbox.name.as_deref().map(clean).unwrap_or_default();
        if !display.is_empty() {
            if display.is_ascii() && !display.contains("=?") && display.len() <= LONGEST_ATOM {
                field.word(&format!("\"{}\"", display.replace('\\', "\\\\").replace('"', "\\\"")));
            } else {
                field.encoded(&display);
            }
        }
        let comma = if nth + 1 < mailboxes.len() { "," } else { "" };
        field.word(&format!("<{}>{comma}", mailbox.address));
    }
    field.close();
}

/// One field while it is written.
struct Field<'a> {
    out: &'a mut Vec<u8>,
    column: usize,
    empty: bool,
}

impl<'a> Field<'a> {
    fn open(name: &str, out: &'a mut Vec<u8>) -> Self {
        // A name with anything else in it could smuggle in another field.
        out.extend(name.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'));
        out.push(b':');
        Self { out, column: name.len() + 1, empty: true }
    }

    /// Writes one word that must not be broken, on a new line where it does not fit.
    fn word(&mut self, word: &str) {
        if self.column + 1 + word.len() > LINE && !self.empty {
            self.out.extend_from_slice(b"\r\n");
            self.column = 0;
        }
        self.out.push(b' ');
        self.out.extend_from_slice(word.as_bytes());
        self.column += 1 + word.len();
        self.empty = false;
    }

    /// Writes a text as encoded-words, never parting a character (RFC 2047 §5).
    fn encoded(&mut self, text: &str) {
        const OPEN: &str = "=?utf-8?q?";
        let mut word = String::from(OPEN);
        for c in text.chars() {
            let mut bytes = [0; 4];
            let encoded: String = match c {
                ' ' => "_".to_owned(),
                c if c.is_ascii_alphanumeric() || matches!(c, '!' | '*' | '+' | '-' | '/') => c.to_string(),
                c => c.encode_utf8(&mut bytes).bytes().map(|byte| format!("={byte:02X}")).collect(),
            };
            // The first word shares its line with the field's name.
            let room = if self.empty { WORD.min(LINE - 1 - self.column.min(LINE / 2)) } else { WORD };
            if word.len() + encoded.len() + 2 > room {
                word.push_str("?=");
                self.word(&word);
                word.truncate(0);
                word.push_str(OPEN);
            }
            word.push_str(&encoded);
        }
        if word.len() > OPEN.len() {
            word.push_str("?=");
            self.word(&word);
        }
    }

    fn close(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}
