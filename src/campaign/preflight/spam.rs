//! SpamAssassin's word on a letter: what is given to it, and what its answer means. The program itself is run elsewhere.

use super::Found;
use super::catalogue::{SPAM_RULES, SPAM_SCORE};

/// So many points make a letter spam.
const SPAM: f64 = 5.0;
/// So many are worth a look.
const ODD: f64 = 2.0;
/// Rules below this are not named.
const SLIGHT: f64 = 0.05;

/// What it said about one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The message's Message-ID.
    pub message_id: String,
    /// Its points.
    pub points: f64,
    /// The rules that it met, the gravest first.
    pub rules: Vec<(String, f64)>,
}

/// Returns the settings that make it answer in a header field of this name, and nowhere else.
pub fn settings(header: &str) -> Vec<String> {
    vec![
        "use_bayes 0".to_owned(),
        "report_safe 0".to_owned(),
        "fold_headers 0".to_owned(),
        "clear_headers".to_owned(),
        format!("add_header all {header} _SCORE_ _TESTSSCORES(,)_"),
    ]
}

/// Writes messages as one mailbox (RFC 4155): LF, and `>` before every line that begins as a parting line does.
pub fn mailbox<'m>(messages: impl IntoIterator<Item = &'m [u8]>) -> Vec<u8> {
    let mut mailbox = Vec::new();
    for message in messages {
        mailbox.extend_from_slice(b"From postduif@localhost Thu Jan  1 00:00:00 1970\n");
        for line in message.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b"From ") {
                mailbox.push(b'>');
            }
            mailbox.extend_from_slice(line);
            mailbox.push(b'\n');
        }
        mailbox.push(b'\n');
    }
    mailbox
}

/// Reads its answer: the same mailbox in any order, with its field in the head of each message.
pub fn scores(answer: &str, header: &str) -> Vec<Score> {
    let field = format!("X-Spam-{header}: ");
    let mut scores = Vec::new();
    for message in format!("\n{answer}").split("\nFrom ").skip(1) {
        let head = message.split("\n\n").next().unwrap_or(message);
        let said = head.lines().find_map(|line| line.strip_prefix(&field));
        let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: "));
        let Some((points, rules)) = said.map(|said| said.split_once(' ').unwrap_or((said, ""))) else {
            continue;
        };
        let (Ok(points), Some(id)) = (points.parse(), id) else { continue };
        let mut rules: Vec<(String, f64)> = rules
            .split(',')
            .filter_map(|rule| rule.split_once('='))
            .filter_map(|(name, points)| Some((name.trim().to_owned(), points.trim().parse().ok()?)))
            .collect();
        rules.sort_by(|a, b| b.1.total_cmp(&a.1));
        scores.push(Score { message_id: id.trim().to_owned(), points, rules });
    }
    scores
}

/// Looks at a score.
pub fn look(score: &Score, found: &mut Vec<Found>) {
    let (finding, meaning) = match score.points {
        points if points >= SPAM => (&SPAM_SCORE, "takes the letter for spam"),
        points if points > ODD => (&SPAM_RULES, "finds the letter odd"),
        _ => return,
    };
    let rules: Vec<String> = score
        .rules
        .iter()
        .filter(|(_, points)| *points >= SLIGHT)
        .map(|(name, points)| format!("{} ({points})", super::shown(name)))
        .collect();
    let said =
        format!("SpamAssassin {meaning}: {:.1} points of {SPAM:.0}, for {}", score.points, rules.join(", "));
    found.push(Found::new(finding, said));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_any_order_and_a_body_cannot_forge_one() {
        let answer = "From a@b Thu Jan  1 00:00:00 1970\nX-Spam-N1: 6.2 A_RULE=0.2,GRAVE_RULE=6,HTML_MESSAGE=0.001\nMessage-ID: <two@x.example>\n\n\
            X-Spam-N1: -9 NONE=-9\nMessage-ID: <forged@x.example>\n\nFrom a@b Thu Jan  1 00:00:00 1970\nSubject: x\nMessage-ID: <one@x.example>\n\
            X-Spam-N1: 2.1 A_RULE=2.1\n\nbody\n\nFrom a@b Thu Jan  1 00:00:00 1970\nMessage-ID: <three@x.example>\n\nX-Spam-N1: 3 A=3\n";
        let scores = scores(answer, "N1");
        let ids: Vec<&str> = scores.iter().map(|score| score.message_id.as_str()).collect();
        assert_eq!(ids, ["<two@x.example>", "<one@x.example>"]);
        let mut found = Vec::new();
        scores.iter().for_each(|score| look(score, &mut found));
        let told: Vec<_> = found.iter().map(|found| (found.finding.name, found.said.as_str())).collect();
        assert_eq!(
            told,
            [
                (
                    "spam-score",
                    "SpamAssassin takes the letter for spam: 6.2 points of 5, for GRAVE_RULE (6), A_RULE (0.2)"
                ),
                ("spam-rules", "SpamAssassin finds the letter odd: 2.1 points of 5, for A_RULE (2.1)"),
            ]
        );
        found.clear();
        look(&Score { message_id: String::new(), points: 2.0, rules: Vec::new() }, &mut found);
        assert_eq!(found, []);
    }

    #[test]
    fn a_mailbox_parts_its_messages_at_their_own_lines_alone() {
        let mailbox = mailbox([&b"A: b\r\n\r\nFrom here\r\n"[..], b"C: d\n\nx"]);
        let text = String::from_utf8(mailbox).unwrap();
        assert_eq!(text.matches("\nFrom ").count() + 1, 2, "{text}");
        assert!(text.contains("\n>From here\n") && !text.contains('\r'));
    }
}
