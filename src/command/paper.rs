//! Typesets what the page hands out on paper: the report as a PDF, the comparison table as a picture.
//!
//! The templates are part of this program, and read what they show as data, so that no value can become code. One paper is made at a
//! time, by a process that is ended afterwards: a report is asked for now and then, and a process that waits keeps sixty megabytes.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::stationery;
use crate::config::Config;
use crate::dashboard::paper::{Form, Paper, Printing, Unprinted};
use crate::typesetting::{About, Files, INSTALL, Order, Settings, Typesetter, TypesettingError};

/// What the templates import, and the templates.
const TEMPLATES: [(&str, &str); 3] = [
    ("common.typ", include_str!("../../assets/dashboard/typst/common.typ")),
    ("report.typ", include_str!("../../assets/dashboard/typst/report.typ")),
    ("table.typ", include_str!("../../assets/dashboard/typst/table.typ")),
];

/// Pixels of a picture for each point: sharp on the screens of today.
const PIXELS: u8 = 2;

/// What stands where no font has a sign.
const REPLACED: char = '□';

/// Makes the functions that the page is given.
pub(super) fn printing(config: &Arc<Config>) -> Printing {
    let settings = Settings { processes: 1, ..config.typesetting.clone() };
    let of_print = settings.clone();
    let fonts = config.fonts.clone();
    let one_at_a_time = Mutex::new(());
    Printing {
        install: INSTALL,
        there: Box::new(move || Typesetter::new(settings.clone(), &Files::default()).find().is_ok()),
        print: Box::new(move |paper| {
            let _turn = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
            let fonts = fonts.as_deref().map(stationery::fonts).unwrap_or_default();
            let templates = TEMPLATES.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
            let files = Files { templates: templates.to_vec(), fonts };
            print(&Typesetter::new(of_print.clone(), &files), paper)
        }),
    }
}

fn print(typesetter: &Typesetter, paper: &Paper) -> Result<Vec<u8>, Unprinted> {
    let failed = |error| match error {
        TypesettingError::Missing { .. } => Unprinted::Missing,
        other => Unprinted::Failed(other.to_string()),
    };
    let about = typesetter.about().map_err(failed)?;
    let mut data = serde_json::to_value(paper).map_err(|error| Unprinted::Failed(error.to_string()))?;
    let replaced = replace(&mut data, &about);
    data["replaced"] = replaced.into();
    let data = data.to_string().into_bytes();
    let order = |template| Order { template, ident: &paper.campaign, dated: &paper.at, data: &data };
    match paper.form {
        Form::Report => typesetter.typeset(&order("report.typ")).map(|report| report.pdf),
        Form::Table => typesetter.picture(&order("table.typ"), PIXELS),
    }
    .map_err(failed)
}

/// Puts a mark in the place of each sign that no font has, or that means something else in each: such a file would not be archivable.
/// Returns whether there was one.
fn replace(value: &mut Value, about: &About) -> bool {
    let unknown = |c: char| matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..) || !about.can_show(c);
    let any = |found: &mut dyn Iterator<Item = bool>| found.filter(|found| *found).count() > 0;
    match value {
        Value::String(text) if text.contains(unknown) => {
            *text = text.replace(unknown, REPLACED.encode_utf8(&mut [0; 4]));
            true
        }
        Value::Array(values) => any(&mut values.iter_mut().map(|value| replace(value, about))),
        Value::Object(values) => any(&mut values.values_mut().map(|value| replace(value, about))),
        _ => false,
    }
}
