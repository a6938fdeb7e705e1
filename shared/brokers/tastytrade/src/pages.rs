//! Lists that come in pages: nothing lost, nothing double, and never a shorter list for an incomplete one.
//!
//! Pages are counted while rows come and go: a new row moves the others, so that one appears on two pages or
//! on none. Rows are therefore known by their ids, and a list that lacks some of the rows it says it has is
//! read again from its first page.

use std::collections::BTreeMap;

/// What a page says of the list it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    /// Rows of the whole list.
    pub(crate) total: Option<usize>,
    /// Pages of the whole list.
    pub(crate) pages: Option<usize>,
}

/// What to do after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read this page, counted from 0.
    Read(usize),
    /// The list is complete.
    Done,
}

/// A list while its pages come.
pub(crate) struct Paging<T> {
    kept: BTreeMap<String, T>,
    page: usize,
    pass: u32,
    /// The most rows of a page.
    per_page: usize,
}

impl<T> Paging<T> {
    /// Times a list is read from its first page.
    const PASSES: u32 = 3;

    /// More pages than any account has.
    const MOST_PAGES: usize = 100;

    /// Whatever the server makes of the page length asked for, no page that is cut is shorter than the length
    /// it takes when none is.
    const SHORTEST_CUT: usize = 10;

    pub(crate) const fn new(per_page: usize) -> Self {
        Self { kept: BTreeMap::new(), page: 0, pass: 1, per_page }
    }

    /// Takes the rows of the page last asked for, each with its id. Of a row given twice the later reading
    /// stands.
    ///
    /// # Errors
    /// Why the list cannot be had completely.
    pub(crate) fn take(&mut self, rows: Vec<(String, T)>, told: Told) -> Result<Step, String> {
        let (got, before) = (rows.len(), self.kept.len());
        self.kept.extend(rows);
        let new = self.kept.len() - before;
        match told {
            Told { total: Some(total), .. } if self.kept.len() >= total => Ok(Step::Done),
            Told { total: Some(total), pages } => {
                let last = got == 0 || pages.is_some_and(|pages| self.page + 1 >= pages);
                if last { self.again(total) } else { self.next() }
            }
            Told { total: None, pages: Some(pages) } if self.page + 1 >= pages => Ok(Step::Done),
            Told { total: None, pages: Some(_) } => self.next(),
            // Nothing is told: the list ends where a page is too short to be cut, or brings nothing new.
            Told { total: None, pages: None } if got < Self::SHORTEST_CUT.min(self.per_page) => {
                Ok(Step::Done)
            }
            Told { total: None, pages: None } if new > 0 => self.next(),
            Told { total: None, pages: None } if got >= self.per_page => {
                Err(format!("page {} repeats what came before, expected the next rows", self.page))
            }
            Told { total: None, pages: None } => Ok(Step::Done),
        }
    }

    fn next(&mut self) -> Result<Step, String> {
        self.page += 1;
        if self.page >= Self::MOST_PAGES {
            return Err(format!("got {} pages, expected the list to end", self.page));
        }
        Ok(Step::Read(self.page))
    }

    fn again(&mut self, total: usize) -> Result<Step, String> {
        if self.pass >= Self::PASSES {
            return Err(format!(
                "got {} different rows after reading the list {} times, expected {total}",
                self.kept.len(),
                self.pass
            ));
        }
        self.pass += 1;
        self.page = 0;
        Ok(Step::Read(0))
    }

    /// Everything that came.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (String, T)> {
        self.kept.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Newest first, as the broker lists; between two readings rows may be added.
    fn read_all(
        mut rows: Vec<u32>,
        arrivals: &[u32],
        length: usize,
        tells: bool,
    ) -> Result<Vec<u32>, String> {
        let mut paging = Paging::new(length);
        let mut arrivals = arrivals.iter();
        let mut page = 0;
        loop {
            let given: Vec<_> = rows
                .iter()
                .rev()
                .skip(page * length)
                .take(length)
                .map(|row| (format!("{row:06}"), *row))
                .collect();
            let told = if tells {
                Told { total: Some(rows.len()), pages: Some(rows.len().div_ceil(length)) }
            } else {
                Told::default()
            };
            match paging.take(given, told)? {
                Step::Done => return Ok(paging.into_rows().map(|(_, row)| row).collect()),
                Step::Read(next) => page = next,
            }
            rows.extend(arrivals.next());
        }
    }

    proptest! {
        #[test]
        fn a_list_is_whole_and_without_doubles_or_it_is_an_error(count in 0_u32..500, new in proptest::collection::vec(10_000_u32..20_000, 0..3), length in 4_usize..250, tells: bool) {
            let rows: Vec<u32> = (0..count).collect();
            match read_all(rows.clone(), &new, length, tells) {
                Ok(listed) => {
                    prop_assert!(rows.iter().all(|row| listed.contains(row)), "{} of {count}", listed.len());
                    prop_assert!(listed.windows(2).all(|pair| pair[0] < pair[1]));
                }
                Err(why) => prop_assert!(count as usize / length > 90, "{why}"),
            }
        }
    }

    fn rows(ids: &[&str]) -> Vec<(String, ())> {
        ids.iter().map(|id| ((*id).to_owned(), ())).collect()
    }

    #[test]
    fn a_page_that_repeats_is_read_again_and_then_an_error() {
        let told = Told { total: Some(4), pages: Some(2) };
        let mut paging = Paging::new(2);
        for step in [Step::Read(1), Step::Read(0), Step::Read(1), Step::Read(0), Step::Read(1)] {
            assert_eq!(paging.take(rows(&["1", "2"]), told), Ok(step));
        }
        assert_eq!(
            paging.take(rows(&["1", "2"]), told),
            Err("got 2 different rows after reading the list 3 times, expected 4".to_owned())
        );
        assert_eq!(
            Paging::new(2).take(rows(&["1", "1"]), told),
            Ok(Step::Read(1)),
            "one row given twice is one"
        );
    }

    #[test]
    fn a_total_that_grows_is_waited_for() {
        let mut paging = Paging::new(2);
        assert_eq!(
            paging.take(rows(&["3", "2"]), Told { total: Some(3), pages: Some(2) }),
            Ok(Step::Read(1))
        );
        assert_eq!(
            paging.take(rows(&["2", "1"]), Told { total: Some(4), pages: Some(2) }),
            Ok(Step::Read(0))
        );
        assert_eq!(paging.take(rows(&["4", "3"]), Told { total: Some(4), pages: Some(2) }), Ok(Step::Done));
        assert_eq!(paging.into_rows().count(), 4);
    }

    #[test]
    fn a_list_that_tells_nothing_ends_where_nothing_new_comes() {
        let full: Vec<String> = (0..20).map(|id| id.to_string()).collect();
        let full: Vec<&str> = full.iter().map(String::as_str).collect();
        let mut paging = Paging::new(20);
        assert_eq!(paging.take(rows(&full), Told::default()), Ok(Step::Read(1)));
        assert!(paging.take(rows(&full), Told::default()).unwrap_err().contains("page 1 repeats"));
        let mut shorter_pages = Paging::new(200);
        assert_eq!(shorter_pages.take(rows(&full), Told::default()), Ok(Step::Read(1)));
        assert_eq!(shorter_pages.take(rows(&["x"]), Told::default()), Ok(Step::Done));
        assert_eq!(Paging::new(200).take(rows(&["x"]), Told::default()), Ok(Step::Done));
    }
}
