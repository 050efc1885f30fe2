//! What people are told: failures, problems, plain lines; on a terminal with colour, elsewhere without.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use crate::campaign::problem::{Problems, Severity};
use crate::campaign::words;
use crate::exit::Exit;

/// A command that could not do its work: a sentence, the facts, what to do, and what is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the shell is told.
    pub exit: Exit,
    /// What happened: one sentence without a full stop.
    pub said: String,
    /// What is known about it: a word and its value.
    pub facts: Vec<(&'static str, String)>,
    /// What to do.
    pub hints: Vec<String>,
    /// What is safe: "nothing was sent; 214 letters are still queued".
    pub safe: Option<String>,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(exit: Exit, said: impl Into<String>) -> Self {
        Self { exit, said: said.into(), facts: Vec::new(), hints: Vec::new(), safe: None }
    }

    /// The input is wrong.
    pub fn input(said: impl Into<String>) -> Self {
        Self::new(Exit::Input, said)
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, word: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((word, value.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns what happened with what is known and what to do, in one line: for where there is no terminal.
    pub fn in_one_sentence(&self) -> String {
        let facts = self.facts.iter().map(|(word, value)| format!("; {word}: {value}"));
        let hints = self.hints.iter().map(|hint| format!("; {hint}"));
        facts.chain(hints).fold(self.said.clone(), |said, more| said + &more)
    }

    /// Says what is safe.
    #[must_use]
    pub fn safe(mut self, safe: impl Into<String>) -> Self {
        self.safe = Some(safe.into());
        self
    }

    /// Returns the lines that people read.
    pub fn lines(&self, style: Style) -> String {
        let mut text = format!("{} {}\n", style.red("error:"), self.said);
        for (word, value) in &self.facts {
            let _ = writeln!(text, "  {} {value}", style.dim(&format!("{word:<7}")));
        }
        for hint in &self.hints {
            let _ = writeln!(text, "  {} {hint}", style.dim("hint   "));
        }
        if let Some(safe) = &self.safe {
            let _ = writeln!(text, "  {} {safe}", style.dim("safe   "));
        }
        text
    }
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// Without any colour.
    pub const PLAIN: Style = Style { colour: false };

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For errors.
    pub fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// For warnings.
    pub fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// For what went well.
    pub fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// For what matters.
    pub fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// For what is only there to be looked up.
    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Where the words of a command go.
///
/// Results go to standard output; progress, warnings and failures to standard error, so that `status --json`
/// can be piped. A reader that hangs up (`| head`) is no failure.
#[derive(Clone, Debug)]
pub struct Report {
    /// Style for standard output.
    pub out: Style,
    /// Style for standard error.
    pub err: Style,
    /// Only results and failures.
    pub quiet: bool,
    /// Whether a person sits at both ends: questions can be asked, progress can be drawn.
    pub interactive: bool,
}

impl Report {
    /// Makes a report for this process's standard streams.
    ///
    /// `no_colour` is whether `NO_COLOR` is set and not empty, or `TERM` is `dumb`.
    pub fn for_terminal(no_colour: bool, quiet: bool) -> Self {
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            out: Style { colour: out && !no_colour },
            err: Style { colour: err && !no_colour },
            quiet,
            interactive: err && std::io::stdin().is_terminal(),
        }
    }

    /// Prints a result: what the command was asked for.
    pub fn result(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
    }

    /// Tells something on the way, unless it should be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Warns; quiet does not silence it.
    pub fn warn(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{} {text}", self.err.yellow("warning:"));
    }

    /// Lists problems, sorted by place, with their number at the end.
    pub fn problems(&self, problems: &Problems) {
        let mut text = String::new();
        for problem in problems.sorted() {
            let line = problem.to_string();
            match problem.severity {
                _ if problem.accepted.is_some() => {
                    if !self.quiet {
                        let _ = writeln!(text, "{}", self.err.dim(&line));
                    }
                }
                Severity::Error => {
                    let _ = writeln!(text, "{line}");
                }
                Severity::Warning if self.quiet => {}
                Severity::Warning => {
                    let _ = writeln!(text, "{}", self.err.yellow(&line));
                }
            }
        }
        if problems.left_out() > 0 && !(self.quiet && problems.errors() == 0) {
            let _ = writeln!(text, "… and {} more", grouped(problems.left_out()));
        }
        let _ = write!(std::io::stderr().lock(), "{text}");
    }

    /// Tells a failure and returns its exit.
    pub fn fail(&self, failure: &Failure) -> Exit {
        let _ = write!(std::io::stderr().lock(), "{}", failure.lines(self.err));
        failure.exit
    }
}

/// Counts a noun: `1 letter`, `27 letters`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", grouped(number)) }
}

/// Writes a number with its thousands apart: `1,000,000`.
pub fn grouped(number: u64) -> String {
    words::grouped(number, ',')
}

/// Writes a number of octets as people say it: `812 octets`, `34 kB`, `1.4 MB`.
pub fn octets(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "told in two digits")]
    let millions = number as f64 / 1e6;
    match number {
        0..1000 => count(number, "octet"),
        1000..1_000_000 => format!("{} kB", number / 1000),
        1_000_000..10_000_000 => format!("{millions:.1} MB"),
        10_000_000..1_000_000_000 => format!("{millions:.0} MB"),
        _ => format!("{:.1} GB", millions / 1e3),
    }
}

/// Writes a span as people say it, in its two largest units: `26 seconds`, `2 h 47 min`, `17 days`.
pub fn span(span: std::time::Duration) -> String {
    let seconds = span.as_secs_f64().round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and saturates")]
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3600, seconds % 3600 / 60);
    match () {
        () if seconds < 60 => count(seconds, "second"),
        () if seconds < 3600 => match seconds % 60 {
            0 => format!("{minutes} min"),
            rest => format!("{minutes} min {rest} s"),
        },
        () if days == 0 => {
            if minutes == 0 {
                format!("{hours} h")
            } else {
                format!("{hours} h {minutes} min")
            }
        }
        () if days < 3 && hours > 0 => format!("{} {hours} h", count(days, "day")),
        () if days < 730 => count(days, "day"),
        () => count(days / 365, "year"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_failure_says_what_happened_what_to_do_and_what_is_safe() {
        let failure = Failure::new(Exit::Unreachable, "the relay refused our password")
            .fact("relay", "mail.example:587, AUTH PLAIN")
            .fact("said", "535 5.7.8 authentication failed")
            .hint("set POSTDUIF_SMTP_PASSWORD; some providers want an app password")
            .safe("nothing was sent; 214 letters are still queued");
        insta::assert_snapshot!(failure.lines(Style::PLAIN), @r"
        error: the relay refused our password
          relay   mail.example:587, AUTH PLAIN
          said    535 5.7.8 authentication failed
          hint    set POSTDUIF_SMTP_PASSWORD; some providers want an app password
          safe    nothing was sent; 214 letters are still queued
        ");
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        let told = [1, 999, 1000, 34_567, 1_440_000, 12_345_678, 7_000_000_000].map(octets);
        assert_eq!(told, ["1 octet", "999 octets", "1 kB", "34 kB", "1.4 MB", "12 MB", "7.0 GB"]);
    }

    #[test]
    fn numbers_and_spans_read_as_people_say_them() {
        assert_eq!((grouped(999), grouped(1_000_000)), ("999".to_owned(), "1,000,000".to_owned()));
        assert_eq!(
            (count(1, "letter"), count(27, "letter")),
            ("1 letter".to_owned(), "27 letters".to_owned())
        );
        let told = [0, 1, 26, 90, 120, 10_020, 86_400, 90_000, 17 * 86_400, 9 * 365 * 86_400]
            .map(|s| span(Duration::from_secs(s)));
        let expected = [
            "0 seconds",
            "1 second",
            "26 seconds",
            "1 min 30 s",
            "2 min",
            "2 h 47 min",
            "1 day",
            "1 day 1 h",
            "17 days",
            "9 years",
        ];
        assert_eq!(told, expected);
    }
}
