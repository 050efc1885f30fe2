//! From a letter on the desk to the bytes of its PDF or its picture, or to what is wrong with it.

use typst::diag::{Severity, SourceDiagnostic};
use typst::foundations::{Datetime, Smart};
use typst::syntax::{DiagSpan, Lines, VirtualRoot};
use typst::{World, WorldExt as _};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};
use typst_render::RenderOptions;

use crate::desk::{Desk, Sheet};
use crate::protocol::{Answer, Dated, Fault, Order};

/// Results of earlier letters that no letter used in so many are forgotten.
const REMEMBERED: usize = 5;

/// A picture has at most so many pixels, a hundred and sixty megabytes of memory: it gets fewer for each point where it would have more.
const MOST_PIXELS: f64 = 40e6;
/// And at most so many on a side: programs that show pictures take no longer ones.
const LONGEST_SIDE: f64 = 30_000.0;
/// With fewer pixels a point than these nobody can read it, with more nobody has to.
const READABLE: std::ops::RangeInclusive<f64> = 0.5..=8.0;

/// Typesets a letter and returns what to answer, with the octets behind it: PDF/A-2a (ISO 19005-2) and PDF/UA-1 (ISO 14289-1), or PNG.
/// The same octets for the same arguments.
pub(crate) fn typeset(desk: &Desk, order: &Order, data: Vec<u8>) -> Result<(Answer, Vec<u8>), Vec<Fault>> {
    let template = order.template.as_str();
    let fault = |said: &str| vec![Fault::of_file(template, said)];
    let Dated { year, month, day, .. } = order.dated;
    let today = Datetime::from_ymd(year, month, day).ok_or_else(|| fault("the letter has no date"))?;
    let sheet = desk.sheet(template, data, today).map_err(|fault| vec![fault])?;

    let compiled = typst::compile::<PagedDocument>(&sheet);
    let document = compiled.output.map_err(|found| faults(&sheet, template, &found));
    let warnings = faults(&sheet, template, &compiled.warnings);
    let exported = document.and_then(|document| match order.png {
        None => pdf(&sheet, order, &document, warnings),
        Some(pixels) => png(&document, pixels, warnings).map_err(|said| fault(&said)),
    });
    typst::comemo::evict(REMEMBERED);
    exported
}

fn pdf(
    sheet: &Sheet<'_>,
    order: &Order,
    document: &PagedDocument,
    warnings: Vec<Fault>,
) -> Result<(Answer, Vec<u8>), Vec<Fault>> {
    let fault = |said: &str| vec![Fault::of_file(&order.template, said)];
    let Dated { year, month, day, hour, minute, second, offset } = order.dated;
    let now = Datetime::from_ymd_hms(year, month, day, hour, minute, second);
    let now = now.ok_or_else(|| fault("the letter has no date"))?;
    let timestamp = Timestamp::new_local(now, offset).ok_or_else(|| fault("the letter has no time zone"))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
        .map_err(|error| fault(error.message().as_ref()))?;
    let options = PdfOptions {
        ident: Smart::Custom(order.ident.clone()),
        creator: Smart::Custom(None),
        timestamp: Some(timestamp),
        page_ranges: None,
        standards,
        tagged: true,
        pretty: false,
    };
    let pdf = typst_pdf::pdf(document, &options).map_err(|found| faults(sheet, &order.template, &found))?;
    Ok((Answer::Pdf { size: pdf.len() as u64, pages: document.pages().len(), warnings }, pdf))
}

/// Makes a picture of the one page, with at most so many pixels a point.
fn png(document: &PagedDocument, pixels: f64, warnings: Vec<Fault>) -> Result<(Answer, Vec<u8>), String> {
    let [page] = document.pages() else {
        return Err(format!("a picture is one page, and this has {}", document.pages().len()));
    };
    let (wide, high) = (page.frame.width().to_pt(), page.frame.height().to_pt());
    let pixels = pixels.min((MOST_PIXELS / (wide * high)).sqrt()).min(LONGEST_SIDE / wide.max(high));
    if !READABLE.contains(&pixels) {
        return Err(format!(
            "a page of {wide:.0} by {high:.0} points cannot be made a picture that is readable"
        ));
    }
    let options = RenderOptions { pixel_per_pt: pixels.into(), render_bleed: false };
    let picture = typst_render::render(page, &options);
    let (width, height) = (picture.width(), picture.height());
    let png = picture.encode_png().map_err(|error| error.to_string())?;
    Ok((Answer::Png { size: png.len() as u64, width, height, warnings }, png))
}

/// Says for people what the compiler or the exporter found.
fn faults(sheet: &Sheet<'_>, template: &str, found: &[SourceDiagnostic]) -> Vec<Fault> {
    let fault = |diagnostic: &SourceDiagnostic| {
        // What has no place of its own is told where it was called from.
        let calls = diagnostic.trace.iter().map(|call| call.span.into());
        let span = std::iter::once(diagnostic.span).chain(calls).find(|span: &DiagSpan| span.id().is_some());
        let (file, line, column) = span.and_then(|span| place(sheet, span)).unwrap_or_default();
        // There is no command line on which a root could be named.
        let hints = diagnostic.hints.iter().filter(|hint| !hint.v.contains("--root"));
        let mut hints: Vec<String> = hints.map(|hint| hint.v.to_string()).collect();
        if diagnostic.message.starts_with("unknown font family") {
            hints.push(format!("there are {}", sheet.families().join(", ")));
        }
        Fault {
            file: Some(file.unwrap_or_else(|| template.to_owned())),
            line,
            column,
            said: one_line(&diagnostic.message),
            hint: Some(one_line(&hints.join("; "))).filter(|hint| !hint.is_empty()),
        }
    };
    let mut errors: Vec<Fault> =
        found.iter().filter(|found| found.severity == Severity::Error).map(fault).collect();
    if errors.is_empty() {
        errors.extend(found.iter().map(fault));
    }
    errors
}

/// File, line and column, the last two from 1.
type At = (Option<String>, Option<usize>, Option<usize>);

fn place(sheet: &Sheet<'_>, span: DiagSpan) -> Option<At> {
    let id = span.id()?;
    let name = match id.root() {
        VirtualRoot::Project => id.vpath().get_without_slash().to_owned(),
        VirtualRoot::Package(package) => package.to_string(),
    };
    let at = sheet.range(span).and_then(|range| {
        let bytes = sheet.file(id).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        Lines::new(text).byte_to_line_column(range.start)
    });
    Some((Some(name), at.map(|(line, _)| line + 1), at.map(|(_, column)| column + 1)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
