//! The environment of the process; nobody else looks at it.

/// Where secrets and preferences come from beside `config.toml`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment(());

impl Environment {
    /// The variables this process was started with.
    pub fn of_this_process() -> Self {
        Self(())
    }

    /// Returns a variable's value; nothing if it is not set, or is not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn get(self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Returns whether the user wants no colour: `NO_COLOR` is set and not empty, or the terminal is `dumb`.
    pub fn refuses_colour(self) -> bool {
        self.get("NO_COLOR").is_some_and(|value| !value.is_empty())
            || self.get("TERM").is_some_and(|term| term == "dumb")
    }
}
