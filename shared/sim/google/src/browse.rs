//! Plain pages for people: which spreadsheets there are, and what stands in them.

use std::fmt::Write;

use super::a1::letters;
use super::book::Book;
use super::cell::Entered;
use super::tab::Tab;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#d5d9df;--head:#f2f4f7;--quiet:#6b7280}\
@media(prefers-color-scheme:dark){:root{--line:#3a3f47;--head:#23272e;--quiet:#9aa3af}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:96rem;padding:0 1.5rem}\
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
p{color:var(--quiet);margin:.25rem 0 1rem}ul{padding-left:1.2rem}nav a{margin-right:1rem}\
.grid{overflow:auto;max-height:80vh;border:1px solid var(--line);border-radius:6px}\
table{border-collapse:separate;border-spacing:0;min-width:100%}\
th,td{border-right:1px solid var(--line);border-bottom:1px solid var(--line);padding:.25rem .6rem;text-align:left;white-space:pre;vertical-align:top}\
th{background:var(--head);position:sticky}\
thead th{top:0;z-index:1}\
tbody th{color:var(--quiet);font-weight:400;left:0;text-align:right}\
td.n{font-family:ui-monospace,monospace;font-variant-numeric:tabular-nums;text-align:right}\
td.f{font-family:ui-monospace,monospace;font-style:italic}";

/// The list of all spreadsheets.
pub(super) fn list<'a>(books: impl Iterator<Item = &'a Book>) -> String {
    let mut body = String::from("<h1>Spreadsheets</h1>\n");
    let mut items = String::new();
    for book in books {
        let titles = book.tabs.iter().map(|tab| escaped(&tab.title)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            items,
            "<li><a href=\"/browse/{}\">{}</a>: {titles}</li>",
            in_a_path(&book.id),
            escaped(&book.title)
        );
    }
    if items.is_empty() {
        body.push_str("<p>There are none.</p>\n");
    } else {
        let _ = writeln!(body, "<ul>\n{items}</ul>");
    }
    page("Spreadsheets", &body)
}

/// Every tab of one spreadsheet.
pub(super) fn spreadsheet(book: &Book) -> String {
    let mut body =
        format!("<p><a href=\"/browse\">All spreadsheets</a></p>\n<h1>{}</h1>\n<nav>", escaped(&book.title));
    for (place, tab) in book.tabs.iter().enumerate() {
        let _ = write!(body, "<a href=\"#tab{place}\">{}</a>", escaped(&tab.title));
    }
    body.push_str("</nav>\n");
    for (place, tab) in book.tabs.iter().enumerate() {
        let _ = writeln!(body, "<h2 id=\"tab{place}\">{}</h2>", escaped(&tab.title));
        body.push_str(&table(tab));
    }
    page(&book.title, &body)
}

/// The page for an id that nobody knows.
pub(super) fn nothing() -> String {
    page(
        "No such spreadsheet",
        "<h1>No such spreadsheet</h1>\n<p><a href=\"/browse\">All spreadsheets</a></p>\n",
    )
}

/// The first row of a tab is its heading, as people write tables.
fn table(tab: &Tab) -> String {
    let (rows, columns) = tab.end();
    if rows == 0 {
        return "<p>Empty.</p>\n".to_owned();
    }
    let mut text = String::from("<div class=\"grid\"><table>\n<thead><tr><th></th>");
    for column in 0..columns {
        let heading = tab.cell((0, column)).map(Entered::as_entered).unwrap_or_default();
        let _ = write!(text, "<th title=\"{}1\">{}</th>", letters(column), escaped(&heading));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in 1..rows {
        let _ = write!(text, "<tr><th>{}</th>", row + 1);
        for column in 0..columns {
            text.push_str(&cell(tab.cell((row, column))));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div>\n");
    text
}

/// Of a formula its own text: there is nothing else to see of it.
fn cell(cell: Option<&Entered>) -> String {
    let class = match cell {
        None => return "<td></td>".to_owned(),
        Some(Entered::Number { .. }) => " class=\"n\"",
        Some(Entered::Formula(_)) => " class=\"f\"",
        Some(Entered::Text(text)) if is_number(text) => " class=\"n\"",
        Some(_) => "",
    };
    format!("<td{class}>{}</td>", escaped(&cell.map(Entered::as_entered).unwrap_or_default()))
}

/// Amounts that were written as text stand under each other all the same.
fn is_number(text: &str) -> bool {
    text.len() < 40
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.,$%".contains(&byte))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>{STYLE}</style>\n{body}</html>\n",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
        safe
    })
}

fn in_a_path(id: &str) -> String {
    id.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}
