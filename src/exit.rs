//! The exit codes, a sentence each. The table in `docs/reference/exit-codes.md` is compared with [`Exit::ALL`] by a test.

use std::process::ExitCode;

/// What the shell is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, and some letters were refused, bounced or expired.
    SomeFailed,
    /// The input or the settings are wrong; nothing was done.
    Input,
    /// The relay or the mailbox cannot be reached, or does not take our login.
    Unreachable,
    /// The ledger cannot be used.
    Ledger,
    /// Some letters are in doubt and wait for a person's word.
    InDoubt,
    /// A mistake of ours.
    Bug,
}

impl Exit {
    /// Every exit, in the order of its code.
    pub const ALL: [Exit; 7] = [
        Exit::Done,
        Exit::SomeFailed,
        Exit::Input,
        Exit::Unreachable,
        Exit::Ledger,
        Exit::InDoubt,
        Exit::Bug,
    ];

    /// Returns the number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::SomeFailed => 1,
            Exit::Input => 2,
            Exit::Unreachable => 3,
            Exit::Ledger => 4,
            Exit::InDoubt => 5,
            Exit::Bug => 70,
        }
    }

    /// Returns what it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::SomeFailed => "done, and some letters were refused, bounced or expired",
            Exit::Input => "the input or the settings are wrong; nothing was done",
            Exit::Unreachable => "the relay or the mailbox cannot be reached, or does not take our login",
            Exit::Ledger => "the ledger cannot be used",
            Exit::InDoubt => "some letters are in doubt and wait for a person's word",
            Exit::Bug => "a mistake of ours; please report it",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_lists_the_codes_of_the_program() {
        let document = include_str!("../docs/reference/exit-codes.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(document.contains(&row), "docs/reference/exit-codes.md lacks: {row}");
        }
    }
}
