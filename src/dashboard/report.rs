//! The report for the board of the organisation and the press: one file that needs nothing else.

use askama::Template;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use super::answers::board;
use super::board::Board;
use super::desk::{Look, Page, Room, Trouble, Visit, html};
use super::paper::{Facts, Form, answer};
use super::register::Register;
use super::view::{extent, percent};
use crate::delivery::standing::Standing;
use crate::ledger::Filed;

/// The style of files that go out of the house.
const STYLE: &str = include_str!("../../assets/dashboard/file.css");

/// The answers to one point: the parts of a bar, each with its word, its number, and where it stands.
struct PointBar {
    title: String,
    parts: Vec<(&'static str, &'static str, u64, u64, u64)>,
}

/// A number with its word and its share.
pub(super) struct Figure {
    pub(super) word: &'static str,
    pub(super) count: String,
    pub(super) percent: u64,
}

#[derive(Template)]
#[template(path = "report_file.html")]
struct File {
    p: Page,
    style: &'static str,
    /// Whether it is the table alone.
    table_alone: bool,
    made: String,
    begun: Option<String>,
    figures: Vec<Figure>,
    standings: Vec<Figure>,
    bars: Vec<PointBar>,
    board: Board,
}

impl File {
    fn word(&self, answer: &Filed) -> &'static str {
        self.p.lang.answer(answer.word)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Report {
    p: Page,
    begun: bool,
    /// How the typesetter is installed, where there is none.
    install: Option<&'static str>,
}

pub(super) async fn show(visit: Visit) -> Response {
    visit
        .read(|look| {
            let begun = look.ledger.is_some();
            Ok(html(&Report { p: look.page(Room::Report), begun, install: look.install() }))
        })
        .await
}

fn bars(p: &Page, board: &Board) -> Vec<PointBar> {
    let whole = board.rows.len() as u64;
    let bar = |(at, point): (usize, &super::board::Point)| {
        let mut x = 0;
        let parts = board.counts(at).into_iter().filter(|(_, count)| *count > 0).map(|(word, count)| {
            let wide = extent(count, whole, 600);
            let part = (p.lang.answer(word), word.name(), count, x, wide);
            x += wide;
            part
        });
        PointBar { title: point.title.clone(), parts: parts.collect() }
    };
    board.points.iter().enumerate().map(bar).collect()
}

/// The comparison table as a file of its own.
pub(super) fn table(p: &Page, board: Board) -> String {
    let file = File {
        p: p.again(),
        style: STYLE,
        table_alone: true,
        made: String::new(),
        begun: None,
        figures: Vec::new(),
        standings: Vec::new(),
        bars: bars(p, &board),
        board,
    };
    file.render().unwrap_or_default()
}

fn file(look: &Look) -> Result<File, Trouble> {
    let board = board(look)?;
    let p = look.page(Room::Report);
    let numbers = look.register(Register::numbers)?.unwrap_or_default();
    let figure =
        |word, count: u64| Figure { word, count: p.lang.number(count), percent: percent(count, numbers.all) };
    let standings =
        numbers.standings.iter().map(|(standing, count)| figure(p.lang.standing(*standing), *count));
    let begun = look.ledger.as_ref().map(|(_, campaign)| p.moment(&campaign.launched_at));
    Ok(File {
        style: STYLE,
        table_alone: false,
        made: p.moment(&look.desk.settings.clock.now()),
        begun,
        figures: vec![
            figure(p.t.funnel_all, numbers.all),
            figure(p.t.funnel_accepted, numbers.accepted),
            figure(p.t.funnel_answered, numbers.of(Standing::Replied)),
        ],
        standings: standings.collect(),
        bars: bars(&p, &board),
        board,
        p,
    })
}

/// The report as a file. It may style itself, and nothing else.
pub(super) async fn download(visit: Visit) -> Response {
    visit
        .read(|look| {
            let text = file(look)?.render().map_err(|error| Trouble::Refused(error.to_string()))?;
            let head = [
                (CONTENT_TYPE, "text/html; charset=utf-8"),
                (CONTENT_DISPOSITION, "attachment; filename=report.html"),
                (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            ];
            Ok((head, text).into_response())
        })
        .await
}

/// The report as a PDF.
pub(super) async fn pdf(visit: Visit) -> Response {
    visit
        .read(|look| {
            let File { p, begun, figures, standings, board, .. } = file(look)?;
            let facts = Facts { begun: begun.as_deref(), figures: &figures, standings: &standings };
            answer(look, &p, &facts, Form::Report, &board)
        })
        .await
}
