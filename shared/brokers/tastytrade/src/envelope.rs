//! The envelope around every answer: `data`, and for lists `data.items` with a `pagination` beside it
//! (docs/reference/tastytrade.md, Envelope and numbers).

use serde_json::Value;

use crate::fields::{FieldError, Object};

/// What `data` holds, when it is one thing.
pub(crate) fn data<'a>(answer: &'a Value, what: &'static str) -> Result<Object<'a>, FieldError> {
    let answer = Object::of(answer, what)?;
    answer.object("data")?.ok_or_else(|| answer.bad("data", "an object"))
}

/// A page of a list.
pub(crate) struct Page<'a> {
    /// Its rows.
    pub(crate) rows: Vec<Object<'a>>,
    /// How many rows the whole list has, where that is told.
    pub(crate) total: Option<usize>,
    /// How many pages the whole list has, where that is told.
    pub(crate) pages: Option<usize>,
}

/// The rows of `data.items`, which must be there: an answer of another shape is not an empty list.
pub(crate) fn page<'a>(answer: &'a Value, what: &'static str) -> Result<Page<'a>, FieldError> {
    let answer = Object::of(answer, what)?;
    let data = answer.object("data")?.ok_or_else(|| answer.bad("data", "an object"))?;
    if data.value("items").is_none() {
        return Err(data.bad("items", "a list"));
    }
    let told = answer.object("pagination")?;
    let number = |key: &str| told.as_ref().map_or(Ok(None), |told| told.count(key));
    let number = |key: &str| Ok(number(key)?.and_then(|number| usize::try_from(number).ok()));
    Ok(Page { rows: data.objects("items")?, total: number("total-items")?, pages: number("total-pages")? })
}

/// The rows of a list that has one page; one that says it has more is an error.
pub(crate) fn all_rows<'a>(answer: &'a Value, what: &'static str) -> Result<Vec<Object<'a>>, FieldError> {
    let page = page(answer, what)?;
    if page.total.is_some_and(|total| total > page.rows.len()) {
        return Err(FieldError::new(
            format!("{what}.pagination.total-items"),
            answer.pointer("/pagination/total-items"),
            "the number of items given",
        ));
    }
    Ok(page.rows)
}
