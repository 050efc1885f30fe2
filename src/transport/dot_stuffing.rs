//! The transparency of DATA (RFC 5321 §4.5.2): what goes over the line for a message.

use memchr::memchr2;

/// Writes `message` into `wire` as it goes over the line, its final dot included; returns its size in octets
/// without the stuffing, as `SIZE=` tells it (RFC 1870 §6).
///
/// Every CR or LF that is not part of a CRLF becomes one, so that no server can take a bare LF and a dot for
/// the end of the message and what follows for a second one. The message ends in one CRLF: none is added
/// where it has one.
pub(super) fn stuff(message: &[u8], wire: &mut Vec<u8>) -> usize {
    wire.clear();
    wire.reserve(message.len() + message.len() / 32 + 8);
    let mut dots = 0;
    // `message[copied..at]` is good as it is and not yet copied; `at` is the beginning of a line.
    let (mut copied, mut at) = (0, 0);
    while at < message.len() {
        if message[at] == b'.' {
            wire.extend_from_slice(&message[copied..at]);
            wire.push(b'.');
            copied = at;
            dots += 1;
        }
        let Some(end) = memchr2(b'\r', b'\n', &message[at..]).map(|found| at + found) else { break };
        if message[end] == b'\r' && message.get(end + 1) == Some(&b'\n') {
            at = end + 2;
        } else {
            wire.extend_from_slice(&message[copied..end]);
            wire.extend_from_slice(b"\r\n");
            at = end + 1;
            copied = at;
        }
    }
    wire.extend_from_slice(&message[copied..]);
    if !wire.is_empty() && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    let size = wire.len() - dots;
    wire.extend_from_slice(b".\r\n");
    size
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuffed(message: &[u8]) -> Vec<u8> {
        let mut wire = b"from the letter before".to_vec();
        stuff(message, &mut wire);
        wire
    }

    #[test]
    fn it_ends_once_and_adds_no_blank_line() {
        assert_eq!(stuffed(b"a\r\n"), b"a\r\n.\r\n");
        assert_eq!(stuffed(b"a"), b"a\r\n.\r\n");
        assert_eq!(stuffed(b"a\r\n\r\n"), b"a\r\n\r\n.\r\n");
        assert_eq!(stuffed(b""), b".\r\n");
    }

    #[test]
    fn dots_are_doubled_at_the_beginning_of_lines_and_nowhere_else() {
        assert_eq!(stuffed(b".\r\n..\r\na.b\r\n.c"), b"..\r\n...\r\na.b\r\n..c\r\n.\r\n");
    }

    #[test]
    fn bare_line_ends_cannot_smuggle_a_second_letter() {
        for end in ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\n", "\r\r\n.\r\r\n"] {
            let wire = stuffed(format!("a{end}MAIL FROM:<eve@post.example>\r\n").as_bytes());
            let text = String::from_utf8(wire).unwrap();
            assert_eq!(text.matches("\r\n.\r\n").count(), 1, "{text:?}");
            let without = text.replace("\r\n", "");
            assert!(!without.contains(['\r', '\n']), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_server_reads_back_what_was_meant(message in "[.a\r\n]{0,40}") {
            let wire = String::from_utf8(stuffed(message.as_bytes())).unwrap();
            let meant = message.replace("\r\n", "\n").replace('\r', "\n");
            let (body, end) = wire.split_at(wire.len() - 3);
            prop_assert_eq!(end, ".\r\n");
            let read: Vec<_> = body.split_terminator("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            let meant: Vec<_> = meant.split_terminator('\n').collect();
            prop_assert_eq!(read, meant);
            prop_assert!(!body.starts_with(".\r\n") && !body.contains("\r\n.\r\n"));
            let mut again = Vec::new();
            let size = stuff(message.as_bytes(), &mut again);
            prop_assert_eq!(size, body.split_terminator("\r\n").map(|l| l.strip_prefix('.').unwrap_or(l).len() + 2).sum::<usize>());
        }
    }
}
