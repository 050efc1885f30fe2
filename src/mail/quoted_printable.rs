//! Quoted-printable (RFC 2045 §6.7): text that stays readable and short when it is mostly ASCII.
//!
//! Our own because it runs once per letter and half: a safe run of bytes is copied whole, so that two pages
//! cost some ten microseconds.

/// The longest encoded line, without its CRLF (RFC 2045 §6.7, rule 5).
const LINE: usize = 76;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `text` to `out` as quoted-printable; every line break (LF, CRLF or a lone CR) becomes CRLF.
///
/// A full stop that would begin a line is encoded, and so is the `F` of `From `: neither a relay that stuffs dots
/// badly nor an old mailbox file can then change the text. The output never holds a bare CR or LF, nor `=_`.
pub fn encode(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + text.len() / 8);
    let mut rest = text.as_bytes();
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        line(&rest[..end], out);
        out.extend_from_slice(b"\r\n");
        let step = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + step..];
    }
    line(rest, out);
}

fn line(bytes: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let mut at = 0;
    while at < bytes.len() {
        let safe = bytes[at..].iter().take_while(|byte| LITERAL[usize::from(**byte)]).count();
        let end = at + safe;
        while at < end {
            // A line must not begin with a full stop or `From `, nor end in a blank.
            let opens = column == 0 && (bytes[at] == b'.' || bytes[at..].starts_with(b"From "));
            let closes = at + 1 == bytes.len() && matches!(bytes[at], b' ' | b'\t');
            if opens || closes {
                column = escape(bytes[at], column, out);
                at += 1;
                continue;
            }
            // One column is kept for the soft break, and the last byte for the check above.
            let room = LINE - 1 - column;
            let mut run = room.min(end - at);
            if at + run == bytes.len() && matches!(bytes[at + run - 1], b' ' | b'\t') {
                run -= 1;
            }
            if run == 0 {
                out.extend_from_slice(b"=\r\n");
                column = 0;
                continue;
            }
            out.extend_from_slice(&bytes[at..at + run]);
            column += run;
            at += run;
        }
        if at < bytes.len() {
            column = escape(bytes[at], column, out);
            at += 1;
        }
    }
}

/// Writes one byte as `=XX`, after a soft break where it does not fit; returns the column it ends in.
fn escape(byte: u8, column: usize, out: &mut Vec<u8>) -> usize {
    let column = if column + 3 > LINE - 1 {
        out.extend_from_slice(b"=\r\n");
        0
    } else {
        column
    };
    out.extend_from_slice(&[b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    column + 3
}

/// Which bytes may stand for themselves within a line (RFC 2045 §6.7, rules 2 and 3).
const LITERAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'=';
        byte += 1;
    }
    table[b'\t' as usize] = true;
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        encode(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_may_stand_as_it_is_does_and_the_rest_is_encoded() {
        assert_eq!(
            encoded("één = 1\n.punt\nFrom mij\neind "),
            "=C3=A9=C3=A9n =3D 1\r\n=2Epunt\r\n=46rom mij\r\neind=20"
        );
        assert_eq!(encoded("a\rb\r\nc\n"), "a\r\nb\r\nc\r\n");
    }

    #[test]
    fn no_line_is_longer_than_76() {
        for text in ["x".repeat(500), "é".repeat(500), "ab é ".repeat(100), format!("{} ", "x".repeat(75))]
        {
            let encoded = encoded(&text);
            assert!(encoded.split("\r\n").all(|line| line.len() <= 76 && !line.ends_with(' ')), "{encoded}");
        }
    }
}
