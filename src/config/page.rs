//! `[[point]]` and `[approval]`, settled: what the page files answers to, and how many people approve.

use super::check::shown;
use super::load::Settling;
use super::schema::Raw;
use crate::campaign::problem::Problem;
use crate::dashboard::board::Point;

impl Settling<'_> {
    /// Reads the points of the letter; each has a name of its own.
    pub(super) fn points(&mut self, raw: &Raw) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        for (number, point) in raw.point.iter().enumerate() {
            let mut wrong = |name, said: String, hint: &str| {
                let place = self.document.place_of_item(&["point"], number);
                self.problems.push(Problem::error(name, place, said).hint(hint));
            };
            let text =
                |value: &Option<String>| value.as_deref().map(str::trim).unwrap_or_default().to_owned();
            let (name, title) = (text(&point.name), text(&point.title));
            if name.is_empty() || title.is_empty() {
                let hint = "write `name = \"work\"` and `title = \"Let people work\"`";
                wrong("missing-key", "a `[[point]]` needs a name and a title".to_owned(), hint);
            } else if points.iter().any(|known| known.name == name) {
                let hint = "each point has a name of its own; answers are filed under it";
                wrong("same-point", format!("two points have the name `{}`", shown(&name)), hint);
            } else {
                points.push(Point { name, title });
            }
        }
        points
    }

    /// Reads how many people must approve a plan.
    pub(super) fn approvals(&mut self, raw: &Raw) -> usize {
        match raw.approval.people.unwrap_or(1) {
            people @ 1..=5 => usize::try_from(people).unwrap_or(1),
            people => {
                let said = format!("`approval.people` cannot be {people}");
                self.error("wrong-number", &["approval", "people"], said, "write 1 to 5");
                1
            }
        }
    }
}
