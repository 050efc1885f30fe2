//! The board: what each party says to each point, filed by a person, and the comparison table to publish.

use askama::Template;
use axum::extract::Query;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::board::{Board, Point};
use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::guard::Sent;
use super::paper::{self, Facts, Form};
use super::texts::Lang;
use crate::ledger::{AnswerWord, Filed, Ledger};

/// The most that a quotation holds.
const LONGEST: usize = 5000;

#[derive(Template)]
#[template(path = "answers.html")]
struct Answers {
    p: Page,
    board: Board,
    /// How the typesetter is installed, where there is none.
    install: Option<&'static str>,
}

impl Answers {
    fn word(&self, answer: &Filed) -> &'static str {
        self.p.lang.answer(answer.word)
    }
}

/// Reads the board; parties stand in the order of the list, each once.
pub(super) fn board(look: &Look) -> Result<Board, Trouble> {
    let mut parties: Vec<String> = Vec::new();
    look.register(|register| {
        let mut seen = std::collections::HashSet::new();
        for entry in register.all() {
            if seen.insert(entry.party().clone()) {
                parties.push(entry.party().clone());
            }
        }
    })?;
    let filed = match &look.ledger {
        Some((reader, campaign)) => reader.answers(campaign.id)?,
        None => Vec::new(),
    };
    Ok(Board::of(&look.desk.settings.points, parties, filed))
}

pub(super) async fn show(visit: Visit) -> Response {
    visit
        .read(|look| {
            let board = board(look)?;
            Ok(html(&Answers { p: look.page(Room::Answers), board, install: look.install() }))
        })
        .await
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    party: String,
    point: String,
}

/// Words of the party that may be quoted from.
struct Words {
    title: String,
    text: String,
    /// What came along: name and address.
    files: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "answer.html")]
struct One {
    p: Page,
    party: String,
    point: Point,
    words: Vec<Words>,
    now: Option<Filed>,
    choices: Vec<(&'static str, &'static str, bool)>,
    next: Option<String>,
}

pub(super) async fn one(visit: Visit, Query(which): Query<Which>) -> Response {
    visit
        .read(move |look| {
            let board = board(look)?;
            let at =
                board.points.iter().position(|point| point.name == which.point).ok_or(Trouble::NotFound)?;
            let row = board.rows.iter().find(|row| row.party == which.party).ok_or(Trouble::Nobody)?;
            let now = row.cells.get(at).cloned().flatten();
            let next = board.points.get(at + 1).map(|point| place(&which.party, &point.name));
            let p = look.page(Room::Answers);
            let mut words = Vec::new();
            if let Some((reader, campaign)) = &look.ledger {
                let keys = look.register(|register| {
                    let of_party = register.all().iter().filter(|entry| *entry.party() == which.party);
                    of_party.map(|entry| entry.line.key.clone()).collect::<Vec<_>>()
                })?;
                for key in keys.unwrap_or_default() {
                    for record in reader.came_from(campaign.id, &key)? {
                        let came = super::came::came(&look.desk, &p, &record);
                        if came.text.is_empty() && came.files.is_empty() {
                            continue;
                        }
                        let title = format!("{}, {}, {}", came.sender, came.subject, came.at);
                        let whence = format!("{}/came/{}", super::recipients::place(&came.key), came.number);
                        let files = came.files.into_iter().enumerate();
                        let files = files.map(|(nth, name)| (name, format!("{whence}/{nth}")));
                        words.push(Words { title, text: came.text, files: files.collect() });
                    }
                }
            }
            let choices = AnswerWord::ALL.map(|word| {
                (word.name(), p.lang.answer(word), now.as_ref().is_some_and(|answer| answer.word == word))
            });
            let point = board.points[at].clone();
            Ok(html(&One { p, party: which.party, point, words, now, choices: choices.to_vec(), next }))
        })
        .await
}

fn place(party: &str, point: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("party", party).append_pair("point", point);
    format!("/answers/one?{}", query.finish())
}

pub(super) async fn file(visit: Visit, sent: Sent) -> Response {
    let (Some(party), Some(point)) = (sent.get("party"), sent.get("point")) else {
        return visit.trouble(Trouble::NotFound);
    };
    let known = visit.desk.settings.points.iter().any(|known| known.name == point);
    let Some(word) = sent.get("word").and_then(AnswerWord::named).filter(|_| known) else {
        return visit.trouble(Trouble::NotFound);
    };
    let text = |name| sent.get(name).unwrap_or_default().chars().take(LONGEST).collect::<String>();
    let answer = Filed {
        party: party.to_owned(),
        point: point.to_owned(),
        word,
        quote: text("quote"),
        source: text("source"),
        person: text("person"),
        at: visit.desk.settings.clock.now(),
    };
    let place =
        sent.get("next").filter(|next| next.starts_with("/answers/one?")).unwrap_or("/answers").to_owned();
    visit
        .change(place, "filed", move |desk| {
            Ok(Ledger::file_answer(&desk.settings.ledger, &desk.settings.campaign, &answer)?)
        })
        .await
}

/// The table as CSV: a spreadsheet takes no cell for a formula.
pub(super) fn csv(board: &Board, lang: Lang) -> Vec<u8> {
    let t = lang.texts();
    let safe = |text: &str| match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    };
    // A spreadsheet knows UTF-8 by this mark.
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer("\u{feff}".as_bytes().to_vec());
    let heads =
        board.points.iter().flat_map(|point| [point.title.clone(), t.quote.to_owned(), t.source.to_owned()]);
    // Writing into memory does not fail.
    let _ = writer.write_record([t.party.to_owned()].into_iter().chain(heads.map(|head| safe(&head))));
    for row in &board.rows {
        let cells = row.cells.iter().flat_map(|cell| match cell {
            Some(answer) => [lang.answer(answer.word).to_owned(), safe(&answer.quote), safe(&answer.source)],
            None => [lang.answer(AnswerWord::None).to_owned(), String::new(), String::new()],
        });
        let _ = writer.write_record([safe(&row.party)].into_iter().chain(cells));
    }
    writer.into_inner().unwrap_or_default()
}

/// The table as a spreadsheet: texts only, so that nothing in it is ever taken for a formula.
pub(super) fn xlsx(board: &Board, lang: Lang) -> Result<Vec<u8>, rust_xlsxwriter::XlsxError> {
    let t = lang.texts();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name(t.answers)?;
    let head = rust_xlsxwriter::Format::new().set_bold();
    sheet.write_string_with_format(0, 0, t.party, &head)?;
    sheet.set_column_width(0, 30)?;
    sheet.set_freeze_panes(1, 1)?;
    for (nth, point) in (0_u16..).zip(&board.points) {
        for (word, column) in [(point.title.as_str(), 0), (t.quote, 1), (t.source, 2)] {
            sheet.write_string_with_format(0, 1 + nth * 3 + column, word, &head)?;
        }
        sheet.set_column_width(2 + nth * 3, 40)?;
    }
    for (nth, row) in (1_u32..).zip(&board.rows) {
        sheet.write_string(nth, 0, &row.party)?;
        for (column, cell) in (0_u16..).zip(&row.cells) {
            let word = cell.as_ref().map_or(AnswerWord::None, |answer| answer.word);
            sheet.write_string(nth, 1 + column * 3, lang.answer(word))?;
            if let Some(answer) = cell {
                sheet.write_string(nth, 2 + column * 3, &answer.quote)?;
                sheet.write_string(nth, 3 + column * 3, &answer.source)?;
            }
        }
    }
    book.save_to_buffer()
}

/// The table as a file: `csv`, `xlsx`, `html` or `png`.
pub(super) async fn download(
    visit: Visit,
    axum::extract::Path(form): axum::extract::Path<String>,
) -> Response {
    visit
        .read(move |look| {
            let board = board(look)?;
            let p = look.page(Room::Answers);
            let (kind, bytes) = match form.as_str() {
                "answers.csv" => ("text/csv; charset=utf-8", csv(&board, p.lang)),
                "answers.xlsx" => (
                    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    xlsx(&board, p.lang).map_err(|error| Trouble::Refused(error.to_string()))?,
                ),
                "answers.html" => {
                    let table = super::report::table(&p, board);
                    ("text/html; charset=utf-8", table.into_bytes())
                }
                "answers.png" => return paper::answer(look, &p, &Facts::default(), Form::Table, &board),
                _ => return Err(Trouble::NotFound),
            };
            let disposition = format!("attachment; filename={form}");
            Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition.as_str())], bytes).into_response())
        })
        .await
}
