//! The columns of a roster that have a meaning: which heading is which.

use super::detect::Heading;
use super::headings::{nearest, normalised};
use super::problem::{Place, Problem};
use super::roster::{RosterSettings, short};

/// What the column with the way to reach somebody is called, where the settings do not say.
const CHANNEL: &[&str] = &["kanaal", "channel"];
const DEADLINE: &[&str] = &["deadline"];
const CC: &[&str] = &["cc"];
const BCC: &[&str] = &["bcc"];

/// The numbers of the columns with a meaning, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Missing only where recipients may take no mail.
    pub(super) address: Option<usize>,
    pub(super) name: Option<usize>,
    pub(super) organisation: Option<usize>,
    pub(super) key: Option<usize>,
    pub(super) channel: Option<usize>,
    pub(super) deadline: Option<usize>,
    pub(super) cc: Option<usize>,
    pub(super) bcc: Option<usize>,
}

impl Columns {
    /// Finds them among the headings; a column that the settings name and that is not there is a problem.
    ///
    /// Returns `None` where there is nothing to write to.
    pub(super) fn find(
        settings: &RosterSettings,
        headings: &[Heading],
        place: &Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let at = |heading: &str| {
            let name = normalised(heading);
            headings.iter().position(|other| other.key == name && !name.is_empty())
        };
        let mut named = |role: &str, heading: &Option<String>| {
            let heading = heading.as_ref()?;
            at(heading).or_else(|| {
                problems.push(missing(role, heading, headings, place.clone()));
                None
            })
        };
        let name = named("name", &settings.name);
        let organisation = named("organisation", &settings.organisation);
        let key = named("key", &settings.key);
        let channel = named("channel", &settings.channel);
        let deadline = named("deadline", &settings.deadline);
        let cc = named("cc", &settings.cc);
        let bcc = named("bcc", &settings.bcc);
        // What the settings do not name is taken where it is called as usual.
        let mut usual = |role: &str, setting: &Option<String>, names: &[&str]| {
            if setting.is_some() {
                return None;
            }
            let found: Vec<usize> = names.iter().filter_map(|name| at(name)).collect();
            if let [first, second, ..] = found[..] {
                let said = format!(
                    "`{}` and `{}` may both be the column for `{role}`",
                    short(&headings[first].original),
                    short(&headings[second].original)
                );
                let hint = format!("say in `[recipients] {role}` which it is");
                problems.push(Problem::error("two-columns", place.clone(), said).hint(hint));
            }
            found.first().copied()
        };
        let channel = channel.or_else(|| usual("channel", &settings.channel, CHANNEL));
        let deadline = deadline.or_else(|| usual("deadline", &settings.deadline, DEADLINE));
        let cc = cc.or_else(|| usual("cc", &settings.cc, CC));
        let bcc = bcc.or_else(|| usual("bcc", &settings.bcc, BCC));
        let address = at(&settings.address);
        if address.is_none() && channel.is_none() {
            problems.push(missing("address", &settings.address, headings, place.clone()));
            return None;
        }
        Some(Self { address, name, organisation, key, channel, deadline, cc, bcc })
    }

    /// Returns the normalised names under which each of the columns may be found.
    pub(super) fn looked_for(settings: &RosterSettings) -> Vec<Vec<String>> {
        let named = |heading: &String| vec![normalised(heading)];
        let usual = |names: &[&str]| names.iter().map(|name| normalised(name)).collect();
        [
            Some(&settings.address),
            settings.name.as_ref(),
            settings.organisation.as_ref(),
            settings.key.as_ref(),
        ]
        .into_iter()
        .flatten()
        .map(named)
        .chain([
            settings.channel.as_ref().map_or_else(|| usual(CHANNEL), named),
            settings.deadline.as_ref().map_or_else(|| usual(DEADLINE), named),
            settings.cc.as_ref().map_or_else(|| usual(CC), named),
            settings.bcc.as_ref().map_or_else(|| usual(BCC), named),
        ])
        .collect()
    }

    /// Returns whether a column names somebody, so that nothing hidden may stand in it.
    pub(super) fn names_somebody(&self, at: usize) -> bool {
        [self.address, self.name, self.organisation, self.key, self.cc, self.bcc].contains(&Some(at))
    }
}

/// The problem of a column that is not there.
pub(super) fn missing(role: &str, heading: &str, headings: &[Heading], place: Place) -> Problem {
    let known = || headings.iter().map(|heading| heading.original.as_str()).filter(|h| !h.is_empty());
    let hint = match nearest(heading, known()) {
        Some(near) => format!("did you mean `{}`?", short(near)),
        None => {
            let some: Vec<String> = known().take(12).map(|h| format!("`{}`", short(h))).collect();
            format!("the headings are {}; change `[recipients] {role}` or the file", some.join(", "))
        }
    };
    Problem::error(
        "missing-column",
        place,
        format!("no column is headed `{heading}`, where `{role}` should come from"),
    )
    .hint(hint)
}
