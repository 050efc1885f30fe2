//! `postduif check`: reads everything and names every problem at once; nothing is written.

use super::reading::Reading;
use super::{Context, show_plan, survey};
use crate::campaign::problem::Problems;
use crate::cli::Check;
use crate::exit::Exit;
use crate::report::{Failure, count, grouped};

/// Looks at everything.
///
/// # Errors
/// When something could not be read at all.
pub fn run(context: &Context, what: &Check) -> Result<Exit, Failure> {
    if what.json {
        // A program gets its lines also where the settings cannot be read at all.
        let mut problems = Problems::default();
        if crate::config::load(&context.folder, &|name| context.environment.get(name), &mut problems)
            .is_none()
        {
            as_json(context, &problems);
            return Ok(Exit::Input);
        }
    }
    let mut reading = Reading::of(context)?;
    let surveyed = survey::survey(context, &mut reading, &[])?;
    let problems = &reading.problems;
    if what.json {
        as_json(context, problems);
    } else {
        context.report.problems(problems);
        show_plan::how_it_was_read(context, &reading, surveyed.plan.recipients);
        if let Some(spam) = &surveyed.spam {
            context.report.say(&format!("spam: {spam}"));
        }
    }
    let accepted = match problems.accepted() {
        0 => String::new(),
        some => format!(", {} accepted", grouped(some)),
    };
    let (errors, warnings) = (problems.errors(), problems.warnings());
    if errors > 0 {
        context.report.say(&format!(
            "{}, {}{accepted}; nothing would be sent",
            count(errors, "problem"),
            count(warnings, "warning")
        ));
        return Ok(Exit::Input);
    }
    let found = if warnings == 0 {
        "no problems".to_owned()
    } else {
        format!("no problems, {}", count(warnings, "warning"))
    };
    let tasks = match surveyed.plan.tasks {
        0 => String::new(),
        tasks => format!(", and {} for a person to do", count(tasks, "task")),
    };
    context
        .report
        .say(&format!("{found}{accepted}; {} would go out{tasks}", count(surveyed.plan.letters, "letter")));
    Ok(Exit::Done)
}

fn as_json(context: &Context, problems: &Problems) {
    for problem in problems.sorted() {
        context.report.result(&serde_json::to_string(problem).unwrap_or_default());
    }
}
