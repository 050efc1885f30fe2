//! Asking a person, with an answer that nobody gives by accident.

use std::io::{BufRead as _, Write as _};

use crate::report::{Failure, Report};

/// Asks for `expected` to be typed; returns whether it was.
///
/// # Errors
/// Where there is no terminal to ask at: `instead` says which option answers.
pub fn type_exactly(report: &Report, question: &str, expected: &str, instead: &str) -> Result<bool, Failure> {
    if !report.interactive {
        return Err(Failure::input("there is no terminal to ask at")
            .hint(format!("to go ahead without being asked, add {instead}"))
            .safe("nothing was sent and nothing was written"));
    }
    let mut terminal = std::io::stderr().lock();
    let _ = write!(terminal, "{question} ");
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && answer.trim().replace(['.', ','], "") == expected)
}
