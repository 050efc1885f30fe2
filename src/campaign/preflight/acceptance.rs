//! What somebody looked at and lets stand: a finding by its name, with a reason.

use super::catalogue::{ALL, Finding};
use crate::campaign::problem::{Place, Problem};
use crate::campaign::script::nearest;

/// One acceptance, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The finding's name.
    pub finding: &'static str,
    /// Why it may stay; never empty.
    pub reason: String,
    /// The keys of the recipients for whom it may stay; for all where it is empty.
    pub only: Vec<String>,
    /// Where it was said.
    pub place: Place,
}

/// An acceptance as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The finding's name.
    pub finding: Option<String>,
    /// Why it may stay.
    pub reason: Option<String>,
    /// The keys of the recipients for whom it may stay.
    pub only: Vec<String>,
    /// Where it was said.
    pub place: Place,
}

impl Written {
    /// Checks it: the finding must be one that can be accepted, and the reason must say something.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn settle(self) -> Result<Acceptance, Box<Problem>> {
        self.checked().map_err(Box::new)
    }

    #[expect(clippy::result_large_err, reason = "boxed one line above")]
    fn checked(self) -> Result<Acceptance, Problem> {
        let wrong = |said: String| Problem::error("wrong-acceptance", self.place.clone(), said);
        let Some(name) = self.finding.as_deref().map(str::trim).filter(|name| !name.is_empty()) else {
            return Err(wrong("an acceptance names no finding".to_owned())
                .hint("`finding = \"large-letter\"`; `check` shows the names"));
        };
        let Some(found) = Finding::named(name) else {
            let near = nearest(name, ALL.iter().map(|finding| finding.name));
            let shown = crate::mail::headers::clean(name);
            return Err(wrong(format!("there is no finding `{shown}`")).hint(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "docs/reference/findings.md has all of them".to_owned(),
            }));
        };
        if !found.acceptable {
            return Err(wrong(format!("`{}` cannot be accepted", found.name)).hint(found.remedy));
        }
        let reason = self.reason.as_deref().map(crate::mail::headers::clean).unwrap_or_default();
        if !reason.contains(char::is_alphanumeric) {
            return Err(wrong(format!("the acceptance of `{}` gives no reason", found.name))
                .hint("write one for whoever reads this later: `reason = \"…\"`"));
        }
        Ok(Acceptance { finding: found.name, reason, only: self.only, place: self.place })
    }
}

impl Acceptance {
    /// Returns whether it is about this problem.
    pub fn covers(&self, problem: &Problem) -> bool {
        self.finding == problem.name
            && (self.only.is_empty()
                || problem.recipient.as_ref().is_some_and(|key| self.only.iter().any(|only| **only == **key)))
    }

    /// Says that it met nothing.
    pub fn in_vain(&self) -> Problem {
        let of = match self.only.as_slice() {
            [] => String::new(),
            keys => format!(" for {}", keys.join(", ")),
        };
        let said = format!("`{}` is accepted{of}, and nothing of that name was found", self.finding);
        Problem::warning("unused-acceptance", self.place.clone(), said).hint("take it out")
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::{ALL, EMPTY_FIELD, LARGE_LETTER};
    use super::*;
    use crate::campaign::problem::Problems;

    fn written(finding: &str, reason: &str, only: &[&str]) -> Written {
        Written {
            finding: Some(finding.to_owned()),
            reason: Some(reason.to_owned()),
            only: only.iter().map(|&key| key.to_owned()).collect(),
            place: Place::line("config.toml", 7),
        }
    }

    #[test]
    fn an_acceptance_names_a_finding_and_a_reason() {
        for finding in ALL {
            assert_eq!(written(finding.name, "seen", &[]).settle().is_ok(), finding.acceptable);
        }
        let told = |wrong: Written| wrong.settle().unwrap_err().to_string();
        insta::assert_snapshot!([
            told(written("large-leter", "seen", &[])),
            told(written("nonsense", "seen", &[])),
            told(written("large-letter", " - ", &[])),
            told(Written { reason: None, ..written("large-letter", "", &[]) }),
            told(Written { finding: None, ..written("", "seen", &[]) }),
            told(written(EMPTY_FIELD.name, "seen", &[])),
        ].join("\n"), @r#"
        config.toml:7: there is no finding `large-leter`; did you mean `large-letter`?
        config.toml:7: there is no finding `nonsense`; docs/reference/findings.md has all of them
        config.toml:7: the acceptance of `large-letter` gives no reason; write one for whoever reads this later: `reason = "…"`
        config.toml:7: the acceptance of `large-letter` gives no reason; write one for whoever reads this later: `reason = "…"`
        config.toml:7: an acceptance names no finding; `finding = "large-letter"`; `check` shows the names
        config.toml:7: `empty-field` cannot be accepted; fill it in, or write `{{default naam "…"}}` or `{{optional naam}}`
        "#);
    }

    #[test]
    fn what_is_accepted_stops_nothing_and_says_why() {
        let found = |key: &str| LARGE_LETTER.at(Place::line("recipients.csv", 2), "large").about(key);
        let mut problems = Problems::default();
        problems.push(found("D66"));
        problems.accept([written("large-letter", "one annex", &["D66"]).settle().unwrap()]);
        problems.push(found("D66"));
        problems.push(found("CDA"));
        assert_eq!((problems.warnings(), problems.accepted()), (1, 2));
        assert_eq!(problems.acceptances_in_vain().count(), 0);
        let told: Vec<String> = problems.sorted().into_iter().map(Problem::to_string).collect();
        assert_eq!(told[1], "recipients.csv:2: accepted: large (because: one annex)");
        problems.accept([written("shared-text", "board and office", &[]).settle().unwrap()]);
        let vain: Vec<_> = problems.acceptances_in_vain().map(Acceptance::in_vain).collect();
        assert_eq!(vain[0].name, "unused-acceptance");
    }
}
